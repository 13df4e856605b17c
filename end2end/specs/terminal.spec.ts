// kubectl exec -it: somebody talks to a program on the page of the run, others look on, and the recording can be replayed.

import type { Page } from '@playwright/test';

import { expect, test } from '../fixtures.ts';

const TEXT = `# Shells

## Talk

\`\`\`bash
# Look around in the cache
kubectl exec -it deployment/redis -- sh
\`\`\`
`;

/** Collects what the content security policy refuses, which nothing on a page may be. */
function refusals(page: Page): string[] {
  const said: string[] = [];
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) said.push(message.text());
  });
  page.on('pageerror', (error) => said.push(error.message));
  return said;
}

/** What a terminal shows, as its rows are drawn. */
const screen = (page: Page) => page.locator('.xterm-rows').first();

test('a program is talked to, looked on at, stopped and replayed', async ({ page, browser, startPortal, signIn, expectNoBarriers }) => {
  const portal = await startPortal({ texts: { 'shells.md': TEXT } });
  const refused = refusals(page);
  await signIn('approver', { portal });
  await page.goto(`${portal.url}/runbooks/shells/talk`);
  await page.getByRole('button', { name: /Start a run/ }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]+/);
  const run = page.url().split('#')[0]!;
  await expect(page.locator('#connection')).toHaveAttribute('data-state', 'live');
  await page.locator('#run-1').click();

  const frame = page.getByRole('region', { name: 'Terminal: deployment/redis: sh' });
  await expect(frame.locator('[data-terminal-status]')).toHaveText('You type here.');
  await expect(screen(page)).toContainText('/ $');
  // Whoever pressed Run goes on at the keyboard.
  await expect(frame.locator('textarea')).toBeFocused();
  await page.keyboard.type('echo hello\nstty size\n');
  await expect(screen(page)).toContainText('hello');
  await expect(screen(page)).toContainText(/\d+ \d+/);
  await expectNoBarriers();

  const context = await browser.newContext();
  const other = await context.newPage();
  const alsoRefused = refusals(other);
  await signIn('operator', { portal, page: other });
  await other.goto(run);
  const looking = other.getByRole('region', { name: 'Terminal: deployment/redis: sh' });
  await expect(looking.locator('[data-terminal-status]')).toHaveText('Ada Approver types; you look on.');
  await expect(screen(other)).toContainText('hello');
  await looking.locator('.xterm-screen').click();
  await other.keyboard.type('echo intruder\n');
  await page.keyboard.type('echo world\n');
  await expect(screen(other)).toContainText('world');
  await expect(screen(other)).not.toContainText('intruder');
  await context.close();

  // There is a way out by keyboard, and a page that is loaded again goes on where it was.
  await page.keyboard.press('Control+Shift+ArrowUp');
  await expect(frame.getByRole('link', { name: 'To the top of this command' })).toBeFocused();
  await page.reload();
  await expect(screen(page)).toContainText('world');
  await page.setViewportSize({ width: 390, height: 800 });
  await frame.locator('.xterm-screen').click();
  await page.keyboard.type('stty size\n');
  await expect(screen(page)).toContainText(/\d+ [345]\d\b/);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await page.setViewportSize({ width: 1280, height: 800 });

  await page.locator('#stop-1').click();
  await expect(page.locator('#command-1-state')).toContainText('stopped');
  await expect(frame).toHaveCount(0);
  await expect(page.locator('#frame-1 pre')).toContainText('world');

  await page.locator('#command-1-state').getByRole('link', { name: 'Replay the terminal' }).click();
  await page.waitForURL(/\/executions\/[0-9a-f-]+\/replay/);
  await page.getByLabel('Speed').selectOption('4');
  await page.getByRole('button', { name: /Play/ }).click();
  await expect(page.locator('[data-terminal-status]')).toHaveText('The end of the recording.', { timeout: 30_000 });
  await expect(screen(page)).toContainText('hello');
  await expectNoBarriers();
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download as asciicast' }).click();
  expect((await download).suggestedFilename()).toMatch(/\.cast$/);

  await page.goto(`${portal.url}/history?run=${run.split('/runs/')[1]}`);
  await page.locator('summary', { hasText: 'Look around in the cache' }).click();
  await page.locator('details[open] a[href^="/history/"]').first().click();
  await expect(page.getByRole('link', { name: 'Replay the terminal' })).toBeVisible();
  expect([...refused, ...alsoRefused]).toEqual([]);
});
