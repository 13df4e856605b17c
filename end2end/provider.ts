// An OpenID provider that shares no code with the portal (npm `oidc-provider`), with four people to be.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Provider } from 'oidc-provider';

/** One person for each role; the portal's configuration maps the group to it. */
export const people = {
  viewer: { sub: 'vera', name: 'Vera Viewer', email: 'vera@example.com', groups: ['portal-viewers'] },
  operator: { sub: 'otto', name: 'Otto Operator', email: 'otto@example.com', groups: ['portal-operators'] },
  approver: { sub: 'anna', name: 'Anna Approver', email: 'anna@example.com', groups: ['portal-approvers'] },
  admin: { sub: 'adam', name: 'Adam Admin', email: 'adam@example.com', groups: ['portal-admins'] },
} as const;

export type Role = keyof typeof people;

/** Where on the portal this provider sends people back to. */
export interface Paths {
  callback: string;
  signedOut: string;
}

const INTERACTION = /^\/interaction\/[^/?]+(\/[a-z]+)?$/;

export class IndependentProvider {
  /** What the portal discovers it by. */
  readonly issuer: string;
  readonly clientId = 'runbook-portal';
  readonly clientSecret: string;
  readonly #server: Server;

  private constructor(issuer: string, clientSecret: string, server: Server) {
    this.issuer = issuer;
    this.clientSecret = clientSecret;
    this.#server = server;
  }

  /**
   * Starts it on a port that the system chooses. The portal needs the issuer to start, so its own port is not known yet:
   * it is a native client, whose loopback address may have any port (RFC 8252, section 7.3).
   */
  static async start(paths: Paths): Promise<IndependentProvider> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const clientSecret = randomBytes(32).toString('hex');
    const provider = configure(issuer, clientSecret, paths);
    const protocol = provider.callback();
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const step = INTERACTION.exec(new URL(request.url ?? '/', issuer).pathname);
      if (!step) {
        protocol(request, response);
        return;
      }
      interact(provider, request, response, step[1]?.slice(1)).catch((error: unknown) => {
        response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
      });
    });
    return new IndependentProvider(issuer, clientSecret, server);
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

function configure(issuer: string, clientSecret: string, paths: Paths): Provider {
  return new Provider(issuer, {
    clients: [
      {
        client_id: 'runbook-portal',
        client_secret: clientSecret,
        application_type: 'native',
        redirect_uris: [`http://127.0.0.1${paths.callback}`],
        post_logout_redirect_uris: [`http://127.0.0.1${paths.signedOut}`],
        response_types: ['code'],
        grant_types: ['authorization_code'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    pkce: { required: () => true },
    scopes: ['openid', 'profile', 'email', 'groups'],
    claims: { openid: ['sub'], profile: ['name'], email: ['email'], groups: ['groups'] },
    // Claims stand in the ID token itself, as most companies' providers do it.
    conformIdTokenClaims: false,
    cookies: { keys: [randomBytes(32).toString('hex')] },
    ttl: { Grant: 3600, Interaction: 600, Session: 3600 },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    async findAccount(_context, sub) {
      const person = Object.values(people).find((one) => one.sub === sub);
      return person && { accountId: sub, claims: () => ({ ...person, groups: [...person.groups] }) };
    },
    // The portal is the company's own client: nobody is asked whether it may know who they are.
    async loadExistingGrant(context) {
      const { client, session } = context.oidc;
      if (!client || !session?.accountId) return undefined;
      const grant = new context.oidc.provider.Grant({
        clientId: client.clientId,
        accountId: session.accountId,
      });
      grant.addOIDCScope('openid profile email groups');
      await grant.save();
      return grant;
    },
  });
}

async function interact(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  chosen: string | undefined,
): Promise<void> {
  const { uid } = await provider.interactionDetails(request, response);
  if (!chosen) {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page(uid));
    return;
  }
  if (chosen === 'cancel') {
    const refusal = { error: 'access_denied', error_description: 'the person went away' };
    await provider.interactionFinished(request, response, refusal);
    return;
  }
  const person = people[chosen as Role];
  if (!person || request.method !== 'POST') {
    response.writeHead(404).end();
    return;
  }
  // A native client's people are asked for their consent each time (RFC 8252, section 8.6): choosing is giving it.
  const result = { login: { accountId: person.sub }, consent: {} };
  await provider.interactionFinished(request, response, result);
}

function page(uid: string): string {
  const button = (step: string, text: string) =>
    `<form method="post" action="/interaction/${uid}/${step}"><button>${text}</button></form>`;
  const buttons = Object.entries(people).map(([role, { name }]) => button(role, `${name} (${role})`));
  return `<!doctype html><html lang="en"><title>Who are you?</title><h1>Who are you?</h1>
${buttons.join('\n')}
${button('cancel', 'Cancel')}</html>`;
}
