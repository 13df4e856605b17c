// What takes a portal's messages: Slack's and PagerDuty's interfaces, and a real mail server (aiosmtpd, which `cargo xtask
// setup` installs).
//
//   const receiver = await startReceiver();
//   const portal = await startPortal({ channels: receiver.channels });
//   …
//   await expect.poll(() => receiver.letters).toHaveLength(1);

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { type Channel, checkout, end, target, within } from './portal.ts';

const python = process.env.SMTP_TEST_PYTHON ?? path.join(target, 'tools/aiosmtpd/bin/python');
const program = path.join(checkout, 'crates/channels/tests/delivery/receiver.py');

const START_LIMIT_MS = 30_000;
const WEBHOOK = '/services/T0END2END/B0END2END/webhook-key-of-end2end';
const ENQUEUE = '/v2/enqueue';
const ROUTING_KEY = 'routing-key-of-end2end';

/** What PagerDuty's Events API v2 was told. */
export interface PagerEvent {
  routing_key: string;
  event_action: 'trigger' | 'acknowledge' | 'resolve';
  dedup_key: string;
  payload?: { summary: string; severity: string; custom_details: { text: string } };
}

/** A mail as it arrived: head and body, as they were sent. */
export interface Mail {
  from: string;
  to: string[];
  data: string;
}

export class Receiver {
  /** What Slack was told to post. */
  readonly posts: { text: string }[] = [];
  /** What PagerDuty was told. */
  readonly events: PagerEvent[] = [];
  /** What arrived as mail. */
  readonly letters: Mail[] = [];
  /** Channels that lead here: `incidents` (Slack), `pager` (PagerDuty), `stakeholders` (mail). */
  readonly channels: Channel[];
  readonly #server: Server;
  readonly #mail: ChildProcess;
  #failures = 0;

  private constructor(server: Server, mail: ChildProcess) {
    this.#server = server;
    this.#mail = mail;
    this.channels = [];
  }

  static get installed(): boolean {
    return existsSync(python);
  }

  static async start(): Promise<Receiver> {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const mail = spawn(python, [program, JSON.stringify({ encryption: 'none' })], { stdio: ['pipe', 'pipe', 'inherit'] });
    const receiver = new Receiver(server, mail);
    server.on('request', (request, answer) => void receiver.#answer(request, answer));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const port = await within(START_LIMIT_MS, receiver.#mailPort(), () => 'the mail server did not start');
      receiver.channels.push(...channelsTo(url, port));
      return receiver;
    } catch (error) {
      mail.kill('SIGKILL');
      server.close();
      throw error;
    }
  }

  /** Answers the next requests of Slack's and PagerDuty's with 503: they are to be sent again. */
  failNext(times: number): void {
    this.#failures = times;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await end(this.#mail, 'the mail server');
  }

  async #answer(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces).toString();
    if (this.#failures > 0) {
      this.#failures -= 1;
      answer.writeHead(503).end('busy');
    } else if (request.url === WEBHOOK) {
      this.posts.push(JSON.parse(body) as { text: string });
      answer.writeHead(200).end('ok');
    } else if (request.url === ENQUEUE) {
      const event = JSON.parse(body) as PagerEvent;
      this.events.push(event);
      const said = { status: 'success', message: 'Event processed', dedup_key: event.dedup_key };
      answer.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify(said));
    } else {
      answer.writeHead(404).end('nothing here');
    }
  }

  /** The first line that the mail server prints names its port, each further one is a letter. */
  #mailPort(): Promise<number> {
    return new Promise((resolve, reject) => {
      createInterface({ input: this.#mail.stdout! }).on('line', (line) => {
        const told = JSON.parse(line) as { port: number } | Mail;
        if ('port' in told) resolve(told.port);
        else this.letters.push(told);
      });
      this.#mail.once('error', reject);
      this.#mail.once('close', () => reject(new Error('the mail server ended before it listened')));
    });
  }
}

function channelsTo(url: string, port: number): Channel[] {
  return [
    {
      by: 'slack',
      name: 'incidents',
      secret: { field: 'url', value: `${url}${WEBHOOK}` },
      settings: { about: '#incidents' },
    },
    {
      by: 'pagerduty',
      name: 'pager',
      secret: { field: 'key', value: ROUTING_KEY },
      settings: { about: 'whoever is on call', endpoint: `${url}${ENQUEUE}` },
    },
    {
      by: 'email',
      name: 'stakeholders',
      settings: {
        host: '127.0.0.1',
        port,
        encryption: 'none',
        from: 'Runbook Portal <runbooks@example.com>',
        to: ['stakeholders@example.com'],
      },
    },
  ];
}
