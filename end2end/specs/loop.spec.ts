// A loop in a runbook is as many actions as it makes calls. In a file of its own: it takes as long as the runbook says.

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

test('a loop yields one event for each call in it, in order', async ({ page, portal, signIn }) => {
  // The runbook itself waits half a minute after each of its five services.
  test.setTimeout(360_000);
  await signIn('operator');
  await page.goto(`${portal.url}/runbooks/fintech-banking`);
  await startRun(page, '1.3 Restart All Services');
  const run = page.url().split('#')[0]!.split('/').pop()!;
  const loop = page.locator('.command', { hasText: 'for svc in' });
  const button = loop.locator('[data-run-button]');
  const command = (await button.getAttribute('id'))!.replace('run-', '');
  await button.click();
  await expect(page.locator(`#command-${command}-state`)).toContainText('passed', { timeout: 320_000 });

  await page.goto(`${portal.url}/history?run=${run}`);
  const lines = await page.locator('.trail .trail-action').evaluateAll((cells) =>
    cells
      .map((cell) => ({
        verb: cell.querySelector('strong')!.textContent!,
        target: cell.parentElement!.querySelector('.trail-target')!.textContent!,
      }))
      .filter(({ verb }) => verb.startsWith('rollout ')),
  );
  const services = ['auth', 'account', 'transaction', 'payment', 'notification'].map((name) => `${name}-service`);
  const seen = lines.map(({ verb, target }) => `${verb} ${services.find((service) => target.includes(service))}`);
  expect(seen).toEqual(services.flatMap((name) => [`rollout restart ${name}`, `rollout status ${name}`]));
});
