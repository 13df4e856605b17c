// The wire between one browser and everything else, which can be cut. A browser told to be offline keeps the streams
// that are open already; a proxy that closes them does not.
//
//   const wire = await startWire();
//   const context = await browser.newContext({ proxy: { server: wire.url } });
//   await wire.cut();
//   …
//   await wire.mend();

import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export class Wire {
  readonly #port: number;
  #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = this.#watched(server);
    this.#port = (server.address() as AddressInfo).port;
  }

  static async start(): Promise<Wire> {
    return new Wire(await listening(0));
  }

  /** Where a browser finds it, as its HTTP proxy. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Ends every connection, and takes no new one. */
  async cut(): Promise<void> {
    const closed = new Promise<void>((done) => this.#server.close(() => done()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Takes connections again. */
  async mend(): Promise<void> {
    this.#server = this.#watched(await listening(this.#port));
  }

  async stop(): Promise<void> {
    if (this.#server.listening) await this.cut();
  }

  #watched(server: Server): Server {
    return server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }
}

async function listening(port: number): Promise<Server> {
  const server = createServer(forward);
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  return server;
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
