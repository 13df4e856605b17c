// The main job, as a person does it: read, sign in, run, watch, prove.

import type { Page } from '@playwright/test';

import { corpus, expect, test } from '../fixtures.ts';

test.skip(!corpus, 'skipped: no corpus');

/** From the reading page of a runbook. */
async function startRun(page: Page, title: string): Promise<void> {
  const heading = page.locator('.heading', { hasText: title });
  await heading.getByRole('link', { name: 'Open procedure' }).click();
  await page.getByRole('button', { name: /Start a run/ }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]+/);
}

test('an operator restarts a service, watches it, and finds every action in the history', async ({
  page,
  portal,
  signIn,
  browser,
  expectNoBarriers,
}) => {
  test.setTimeout(180_000);
  await signIn('operator');
  await page.goto(`${portal.url}/runbooks`);
  await expectNoBarriers();
  await page.getByRole('link', { name: /fintech banking/i }).first().click();
  await expect(page.getByRole('heading', { name: '1.1 Rolling Restart' })).toBeVisible();
  await startRun(page, '1.1 Rolling Restart');
  await expectNoBarriers();
  const run = page.url().split('#')[0]!;

  const card = page.locator('.card', { hasText: 'auth-service' }).first();
  await expect(card).toContainText('3 / 3 ready');
  const pods = async () =>
    await card.locator('.pods .pod').evaluateAll((cells) => cells.map((cell) => cell.getAttribute('title')!.split(':')[0]!));
  const before = await pods();
  expect(before.length).toBe(3);

  await page.locator('#run-1').click();
  await expect(page.locator('#command-1-state')).toContainText('passed');
  await expect(page.locator('#frame-1')).toContainText('deployment.apps/auth-service restarted');

  await page.locator('#run-2').click();
  await expect(page.locator('#command-2-state')).toContainText('passed', { timeout: 90_000 });
  await expect(page.locator('#frame-2')).toContainText('successfully rolled out');
  // The card shows that every pod was replaced.
  await expect(async () => {
    const now = await pods();
    expect(now.filter((pod) => before.includes(pod))).toEqual([]);
    await expect(card).toContainText('3 / 3 ready');
  }).toPass({ timeout: 30_000 });

  await page.locator('#run-3').click();
  await expect(page.locator('#frame-3')).toContainText('auth-service-');
  await page.locator('#stop-3').click();
  await expect(page.locator('#command-3-state')).toContainText('stopped');

  // A reload, and another browser, show the same.
  await page.reload();
  await expect(page.locator('#command-2-state')).toContainText('passed');
  await expect(page.locator('#frame-2')).toContainText('successfully rolled out');

  await page.goto(`${portal.url}/history?run=${run.split('/').pop()}`);
  const history = page.getByRole('main');
  for (const text of ['rollout restart', 'rollout status', 'auth-service', 'Otto Operator', 'passed', 'stopped']) {
    await expect(history).toContainText(text);
  }
  await expectNoBarriers();

  // A viewer sees the same run, no Run button, and is refused by the server too.
  const other = await browser.newContext();
  const viewer = await other.newPage();
  await signIn('viewer', { page: viewer });
  await viewer.goto(run);
  await expect(viewer.locator('#command-1-state')).toContainText('passed');
  await expect(viewer.locator('#run-1')).toHaveCount(0);
  await expect(viewer.getByRole('button', { name: /Run|Follow|Stop/ })).toHaveCount(0);
  const refused = await viewer.request.post(`${portal.url}/api/press`, {
    form: { run: run.split('/').pop()!, command: '1' },
    headers: { origin: portal.url, accept: 'application/json' },
  });
  expect(refused.status()).toBe(403);
  await other.close();
});

test('without JavaScript the pages read and the forms work', async ({ browser, portal, signIn }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await signIn('operator', { page });
  await page.goto(`${portal.url}/runbooks/fintech-banking/1-4-rollback-deployment`);
  await page.getByRole('button', { name: /Start a run/ }).click();
  await page.waitForURL(/\/runs\//);
  const first = page.locator('[data-run-button]').first();
  const command = (await first.getAttribute('id'))!.replace('run-', '');
  await first.click();
  await expect(async () => {
    await page.reload();
    await expect(page.locator(`#command-${command}-state`)).toContainText('passed', { timeout: 500 });
  }).toPass({ timeout: 30_000 });
  await expect(page.locator(`#frame-${command}`)).toContainText('REVISION');
  await expect(page.locator('meta[http-equiv="refresh"]'), 'nothing that is typed is lost unasked').toHaveCount(0);
  await context.close();
});

test('every in-document link of the real runbooks leads to something', async ({ page, portal, signIn }) => {
  await signIn('viewer');
  for (const name of ['architect-dashboard', 'fintech-banking', 'platform-service', 'pms-platform', 'ulp-backstage']) {
    await page.goto(`${portal.url}/runbooks/${name}`);
    const broken = await page.evaluate(() =>
      [...document.querySelectorAll('a[href^="#"]')]
        .map((link) => decodeURIComponent(link.getAttribute('href')!.slice(1)))
        .filter((id) => !document.getElementById(id)),
    );
    expect(broken, name).toEqual([]);
  }
});
