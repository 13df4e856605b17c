// A real Alertmanager that tells a portal of alerts: a child process with its own folder, on a port that the system
// chooses. Its program is Debian's, which `cargo xtask setup` installs.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { end, type Portal, within } from './portal.ts';

const program = process.env.ALERTMANAGER_PROGRAM ?? '/usr/bin/prometheus-alertmanager';

const LISTENING = /msg="Listening on" address=(127\.0\.0\.1:\d+)/;
const START_LIMIT_MS = 30_000;
const LOG_LINES = 2_000;

type Texts = Record<string, string>;

export class Alertmanager {
  /** Address without a slash at the end. */
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #log: string[];

  private constructor(url: string, child: ChildProcess, folder: string, log: string[]) {
    this.url = url;
    this.#child = child;
    this.#folder = folder;
    this.#log = log;
  }

  static get installed(): boolean {
    return existsSync(program);
  }

  /** Starts one that the portal knows as the first of those who may tell it of alerts. */
  static async start(portal: Portal): Promise<Alertmanager> {
    const [source] = portal.alerts;
    if (!source) throw new Error('nobody may tell this portal of alerts');
    const folder = await mkdtemp(path.join(tmpdir(), 'runbook-portal-alertmanager-'));
    const token = path.join(folder, 'token');
    await writeFile(token, source.token, { mode: 0o600 });
    const settings = path.join(folder, 'alertmanager.yml');
    await writeFile(settings, configuration(`${portal.url}/api/alerts`, token));
    const log: string[] = [];
    const child = spawn(
      program,
      [
        '--web.listen-address=127.0.0.1:0',
        '--cluster.listen-address=',
        `--config.file=${settings}`,
        `--storage.path=${path.join(folder, 'data')}`,
      ],
      { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    try {
      const late = () => `Alertmanager did not start:\n${log.join('\n')}`;
      const address = await within(START_LIMIT_MS, listening(child, log), late);
      return new Alertmanager(`http://${address}`, child, folder, log);
    } catch (error) {
      child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Raises an alert. Alerts with the same name and namespace are one group: one incident, while that is open. */
  async fire(name: string, labels: Texts = {}, annotations: Texts = {}): Promise<void> {
    await this.#post({ labels: { alertname: name, ...labels }, annotations });
  }

  /** Says that an alert of exactly these labels is over. */
  async resolve(name: string, labels: Texts = {}, annotations: Texts = {}): Promise<void> {
    await this.#post({ labels: { alertname: name, ...labels }, annotations, endsAt: new Date().toISOString() });
  }

  /** The last lines of what it printed. */
  log(): string {
    return this.#log.join('\n');
  }

  async stop(): Promise<void> {
    try {
      await end(this.#child, 'Alertmanager');
    } finally {
      await rm(this.#folder, { recursive: true, force: true });
    }
  }

  async #post(alert: object): Promise<void> {
    const answer = await fetch(`${this.url}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([alert]),
    });
    if (!answer.ok) throw new Error(`Alertmanager answered ${answer.status}: ${await answer.text()}`);
  }
}

/** Groups are told at once, and what is new of them soon. JSON is YAML. */
function configuration(url: string, token: string): string {
  const http_config = { authorization: { credentials_file: token } };
  return JSON.stringify({
    route: {
      receiver: 'portal',
      group_by: ['alertname', 'namespace'],
      group_wait: '50ms',
      group_interval: '200ms',
      repeat_interval: '1h',
    },
    receivers: [{ name: 'portal', webhook_configs: [{ url, http_config }] }],
  });
}

function listening(child: ChildProcess, log: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stderr! }).on('line', (line) => {
      log.push(line);
      if (log.length > LOG_LINES) log.shift();
      const address = LISTENING.exec(line)?.[1];
      if (address) resolve(address);
    });
    child.once('error', reject);
    child.once('close', (code, signal) =>
      reject(new Error(`Alertmanager ended (${signal ?? code}) before it listened:\n${log.join('\n')}`)),
    );
  });
}
