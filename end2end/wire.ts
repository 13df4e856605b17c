// The wire between one browser and everything else, which can be cut. A browser told to be offline keeps the streams
// that are open already; a proxy that closes them does not.
//
//   const wire = await startWire();
//   const context = await browser.newContext({ proxy: { server: wire.url } });
//   await wire.cut();
//   …
//   wire.mend();

import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export class Wire {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #whole = true;

  private constructor(server: Server) {
    this.#server = server.on('connection', (socket: Socket) => {
      if (!this.#whole) {
        socket.destroy();
        return;
      }
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<Wire> {
    const server = createServer(forward);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return new Wire(server);
  }

  /** Where a browser finds it, as its HTTP proxy. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends every connection, and each new one at once. The port stays its own. */
  async cut(): Promise<void> {
    this.#whole = false;
    const ends = [...this.#sockets].map((socket) => new Promise<void>((done) => socket.once('close', () => done())));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(ends);
  }

  /** Takes connections again. */
  mend(): void {
    this.#whole = true;
  }

  async stop(): Promise<void> {
    await this.cut();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}

/** Passes one request on; its address is absolute, as a proxy is asked (RFC 9112, 3.2.2). */
function forward(asked: IncomingMessage, answer: ServerResponse): void {
  const onward = request(asked.url!, { method: asked.method, headers: asked.headers }, (told) => {
    answer.writeHead(told.statusCode!, told.headers);
    told.pipe(answer);
    told.on('error', () => answer.destroy());
  });
  onward.on('error', () => answer.destroy());
  answer.on('close', () => onward.destroy());
  asked.pipe(onward);
}
