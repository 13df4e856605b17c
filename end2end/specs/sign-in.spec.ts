// Sign-in through a provider that shares no code with the portal.

import { expect, test } from '../fixtures.ts';

test('an operator signs in with an independent provider and comes back to where they were going', async ({
  page,
  provider,
  startPortal,
  signIn,
}) => {
  const portal = await startPortal({ provider });
  await page.goto(`${portal.url}/search?q=restart`);
  await page.waitForURL((url) => url.origin === provider.issuer);
  await page.getByRole('button', { name: /^\S+ operator/i }).click();
  await page.waitForURL(`${portal.url}/search?q=restart`);
  await expect(page.getByText('Otto Operator').first()).toBeAttached();

  await page.locator('header .menu summary').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL((url) => url.pathname.includes('signed-out') || url.origin === provider.issuer);
  await page.goto(`${portal.url}/runbooks`);
  await page.waitForURL((url) => url.origin === provider.issuer);
  await signIn('viewer', { portal });
  await expect(page.getByText('Vera Viewer').first()).toBeAttached();
});

test('the demo signs out and ends the session', async ({ page, portal, signIn }) => {
  await signIn('approver');
  await page.locator('header .menu summary').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL((url) => url.pathname.startsWith('/auth/signed-out'));
  const response = await page.request.get(`${portal.url}/history`, { maxRedirects: 0 });
  expect(response.status()).toBe(401);
});
