// A portal of the tests' own: a child process with its own database, on a port that the system chooses.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { type IndependentProvider, people } from './provider.ts';

export const checkout: string = fileURLToPath(new URL('..', import.meta.url));
/** Where its programs are built, and what they need is installed. */
export const target: string = process.env.CARGO_TARGET_DIR
  ? path.resolve(checkout, process.env.CARGO_TARGET_DIR)
  : path.join(checkout, 'target');
const program = process.env.PORTAL_PROGRAM ?? path.join(target, 'debug/runbook-portal');
const site = process.env.PORTAL_SITE ?? path.join(target, 'site');

const LISTENING = /^listening on (http:\/\/127\.0\.0\.1:\d+)\s*$/;
const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 15_000;
const LOG_LINES = 2_000;

export interface PortalOptions {
  /** Folder of runbooks; the project's samples unless told. */
  runbooks?: string;
  /** Runbooks of the test's own instead, by file name. */
  texts?: Record<string, string>;
  /** Sign-in through this provider instead of the demo's own: the portal then runs from a configuration file. */
  provider?: IndependentProvider;
  /** Who may tell of alerts; Alertmanager, with a token made for this portal, unless told. */
  alerts?: AlertSource[];
  /** Where messages go, as the configuration has it; see `Receiver.channels`. */
  channels?: Channel[];
  /** Further arguments for `runbook-portal demo`. */
  arguments?: string[];
  /** Further environment variables. */
  environment?: Record<string, string>;
}

/** A monitoring system that may tell of alerts. */
export interface AlertSource {
  name: string;
  token: string;
  environment?: string;
}

/** A table `[[channels]]` of the configuration, but with the secret itself, which goes to a file of its own. */
export interface Channel {
  by: string;
  name: string;
  secret?: { field: 'url' | 'key' | 'password'; value: string };
  settings?: Record<string, string | number | string[]>;
}

/** The five real runbooks, where this machine has them. */
export const corpus: string | undefined = process.env.RUNBOOK_CORPUS;

/** The project's own sample runbooks. */
export const samples: string = path.join(checkout, 'runbooks');

export class Portal {
  /** Address without a slash at the end. */
  readonly url: string;
  /** Who may tell it of alerts. */
  readonly alerts: AlertSource[];
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #log: string[];

  private constructor(url: string, alerts: AlertSource[], child: ChildProcess, folder: string, log: string[]) {
    this.url = url;
    this.alerts = alerts;
    this.#child = child;
    this.#folder = folder;
    this.#log = log;
  }

  /** Starts a portal and waits until it says its address. */
  static async start(options: PortalOptions = {}): Promise<Portal> {
    const folder = await mkdtemp(path.join(tmpdir(), 'runbook-portal-end2end-'));
    const log: string[] = [];
    const runbooks = options.texts ? await written(folder, options.texts) : (options.runbooks ?? samples);
    const alerts = options.alerts ?? [newAlertmanager()];
    const beside = await besideEnvironments(folder, alerts, options.channels ?? []);
    const command = options.provider
      ? ['serve', '--config', await configuration(folder, runbooks, options.provider, beside)]
      : [
          'demo',
          ...['--listen', '127.0.0.1:0'],
          ...['--runbooks', runbooks],
          ...['--data', path.join(folder, 'data')],
          ...['--site', site],
          ...['--reach', await reach(folder, beside)],
          ...(options.arguments ?? []),
        ];
    const child = spawn(program, command, {
      cwd: checkout,
      env: { ...process.env, ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      const url = await listening(child, log);
      return new Portal(url, alerts, child, folder, log);
    } catch (error) {
      child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The last lines of what it printed. */
  log(): string {
    return this.#log.join('\n');
  }

  /** Asks it to end, as an operator would, and fails when it does not within a quarter of a minute. */
  async stop(): Promise<void> {
    try {
      await end(this.#child);
    } finally {
      await rm(this.#folder, { recursive: true, force: true });
    }
  }
}

/** Writes runbooks into a folder of their own; returns where. */
async function written(folder: string, texts: Record<string, string>): Promise<string> {
  const runbooks = path.join(folder, 'runbooks');
  await mkdir(runbooks);
  for (const [name, text] of Object.entries(texts)) await writeFile(path.join(runbooks, name), text);
  return runbooks;
}

/** Writes the configuration file of a portal whose people come from a provider of their own; returns where. */
async function configuration(
  folder: string,
  runbooks: string,
  provider: IndependentProvider,
  beside: string,
): Promise<string> {
  const secret = path.join(folder, 'client-secret');
  await writeFile(secret, provider.clientSecret, { mode: 0o600 });
  const data = path.join(folder, 'data');
  await mkdir(data);
  const roles = Object.entries(people).map(([role, { groups }]) => `${toml(groups[0])} = ${toml(role)}`);
  const file = path.join(folder, 'portal.toml');
  await writeFile(
    file,
    `listen = "127.0.0.1:0"
runbooks = ${toml(runbooks)}
data = ${toml(data)}
site = ${toml(site)}

[identity]
issuer = ${toml(provider.issuer)}
client_id = ${toml(provider.clientId)}
client_secret_file = ${toml(secret)}
scopes = ["profile", "email", "groups"]
roles = { ${roles.join(', ')} }

[[environments]]
name = "practice"
kind = "practice"
kubernetes = { by = "practice" }
${beside}`,
  );
  return file;
}

/** What a test's Alertmanager is to its portal. */
function newAlertmanager(): AlertSource {
  return { name: 'alertmanager', token: randomBytes(16).toString('hex'), environment: 'practice' };
}

/** The part of a configuration on alerts and channels. Secrets go to files. */
async function besideEnvironments(folder: string, alerts: AlertSource[], channels: Channel[]): Promise<string> {
  const secrets = path.join(folder, 'secrets');
  await mkdir(secrets, { mode: 0o700 });
  const secret = async (name: string, value: string) => {
    const file = path.join(secrets, name);
    await writeFile(file, value, { mode: 0o600 });
    return file;
  };
  const tables: string[] = [];
  for (const { name, token, environment } of alerts) {
    const file = await secret(`alerts-${name}`, token);
    tables.push('[[alerts]]', `name = ${toml(name)}`, `token = { file = ${toml(file)} }`);
    if (environment) tables.push(`environment = ${toml(environment)}`);
  }
  for (const { by, name, secret: own, settings = {} } of channels) {
    tables.push('[[channels]]', `by = ${toml(by)}`, `name = ${toml(name)}`);
    if (own) tables.push(`${own.field}_file = ${toml(await secret(`channel-${name}`, own.value))}`);
    for (const [key, value] of Object.entries(settings)) tables.push(`${key} = ${toml(value)}`);
  }
  return `${tables.join('\n')}\n`;
}

/** The same as a file for the demo; returns where. */
async function reach(folder: string, beside: string): Promise<string> {
  const file = path.join(folder, 'reach.toml');
  await writeFile(file, beside);
  return file;
}

/** A basic string of TOML is one of JSON, but for DEL, which none of ours holds; so are numbers, and lists of both. */
function toml(value: string | number | string[]): string {
  return JSON.stringify(value);
}

async function listening(child: ChildProcess, log: string[]): Promise<string> {
  const address = new Promise<string>((resolve, reject) => {
    const keep = (line: string) => {
      log.push(line);
      if (log.length > LOG_LINES) log.shift();
    };
    createInterface({ input: child.stdout! }).on('line', (line) => {
      keep(line);
      const url = LISTENING.exec(line)?.[1];
      if (url) resolve(url);
    });
    createInterface({ input: child.stderr! }).on('line', keep);
    child.once('error', reject);
    // `close` and not `exit`: what it printed last has been read by then.
    child.once('close', (code, signal) =>
      reject(new Error(`the portal ended (${signal ?? code}) before it listened:\n${log.join('\n')}`)),
    );
  });
  return within(START_LIMIT_MS, address, () => `the portal did not start:\n${log.join('\n')}`);
}

/** Asks a program to end, and waits until it has. */
export async function end(child: ChildProcess, what = 'the portal'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  try {
    await within(STOP_LIMIT_MS, ended, () => `${what} did not stop when asked to`);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** What is wanted, or an error that says why after so long. */
export async function within<T>(ms: number, wanted: Promise<T>, why: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${why()} (${ms / 1000} s)`)), ms);
  });
  try {
    return await Promise.race([wanted, late]);
  } finally {
    clearTimeout(timer);
  }
}
