// The independent provider by itself: what the sign-in tests lean on has to stand.

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, people, test as base } from '../fixtures.ts';

/** Where a portal would wait for the browser to come back, on a port that the provider has never heard of. */
const test = base.extend<{ redirect: string }>({
  redirect: async ({}, use) => {
    const landing = createServer((_, response) => response.end('back at the portal'));
    landing.listen(0, '127.0.0.1');
    await once(landing, 'listening');
    await use(`http://127.0.0.1:${(landing.address() as AddressInfo).port}/auth/callback`);
    landing.close();
    landing.closeAllConnections();
  },
});

test('gives a person and their groups, for a code that the browser brought back', async ({ page, provider, redirect }) => {
  const verifier = randomBytes(32).toString('base64url');
  await page.goto(authorization(provider.issuer, redirect, challenge(verifier)));
  await page.getByRole('button', { name: 'Otto Operator' }).click();
  await expect(page.getByText('back at the portal')).toBeVisible();

  const back = new URL(page.url()).searchParams;
  expect(back.get('state')).toBe('a-state');
  const answer = await fetch(`${provider.issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${btoa(`${provider.clientId}:${provider.clientSecret}`)}`,
    },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: back.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri: redirect,
    }),
  });
  const tokens = await answer.json();
  expect(tokens).toHaveProperty('id_token');
  const claims = JSON.parse(atob(tokens.id_token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
  expect(claims).toMatchObject({
    iss: provider.issuer,
    aud: provider.clientId,
    nonce: 'a-nonce',
    ...people.operator,
  });
});

test('refuses a request without PKCE, and one that leads to another path', async ({ page, provider, redirect }) => {
  await page.goto(authorization(provider.issuer, redirect));
  expect(new URL(page.url()).searchParams.get('error')).toBe('invalid_request');

  const elsewhere = redirect.replace('/auth/callback', '/elsewhere');
  const refusal = await page.goto(authorization(provider.issuer, elsewhere, challenge('a-verifier')));
  expect(refusal?.status()).toBe(400);
});

test('says so when the person cancels', async ({ page, provider, redirect }) => {
  await page.goto(authorization(provider.issuer, redirect, challenge('a-verifier')));
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('back at the portal')).toBeVisible();
  expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied');
});

function authorization(issuer: string, redirect: string, codeChallenge?: string): string {
  const query = new URLSearchParams({
    client_id: 'runbook-portal',
    response_type: 'code',
    scope: 'openid profile email groups',
    redirect_uri: redirect,
    state: 'a-state',
    nonce: 'a-nonce',
    ...(codeChallenge && { code_challenge: codeChallenge, code_challenge_method: 'S256' }),
  });
  return `${issuer}/auth?${query}`;
}

function challenge(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}
