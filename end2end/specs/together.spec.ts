// Several people on one run, lost connections, and more output than anybody reads.

import type { Page } from '@playwright/test';

import { expect, test } from '../fixtures.ts';

const TEXT = `# Bench

## Flood

\`\`\`bash
# Print a million lines
seq 1 1000000
\`\`\`

## Colours

\`\`\`bash
# Print what terminals like
printf '\\033[31mred\\033[0m <b>bold</b> <script>document.title="owned"</script>\\n'; echo worse >&2
\`\`\`

## Follow

\`\`\`bash
# Watch the pods
kubectl get pods -n fintech-banking -w
\`\`\`
`;

async function startRun(page: Page, url: string, procedure: string): Promise<string> {
  await page.goto(`${url}/runbooks/bench/${procedure}`);
  await page.getByRole('button', { name: /Start a run/ }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]+/);
  return page.url().split('#')[0]!;
}

test('a second person sees output and state arrive, and a lost connection heals', async ({
  page,
  browser,
  startPortal,
  startWire,
  signIn,
}) => {
  const portal = await startPortal({ texts: { 'bench.md': TEXT } });
  await signIn('operator', { portal });
  const run = await startRun(page, portal.url, 'follow');

  const wire = await startWire();
  const context = await browser.newContext({ proxy: { server: wire.url } });
  const other = await context.newPage();
  await signIn('approver', { portal, page: other });
  await other.goto(run);
  await expect(page.locator('#here')).toContainText('Ada Approver');

  await page.locator('#run-1').click();
  await expect(other.locator('#frame-1')).toContainText('auth-service-');
  await wire.cut();
  await expect(other.locator('#connection')).toHaveAttribute('data-state', 'stale', { timeout: 30_000 });
  await page.locator('#stop-1').click();
  await expect(page.locator('#command-1-state')).toContainText('stopped');
  await expect(other.locator('#command-1-state')).not.toContainText('stopped');
  wire.mend();
  await expect(other.locator('#command-1-state')).toContainText('stopped', { timeout: 30_000 });
  // What was printed stands there once, not twice.
  const once = async (which: Page) =>
    (await which.locator('#frame-1 pre').textContent())!.split('auth-service-').length;
  await expect(async () => expect(await once(other)).toBe(await once(page))).toPass({ timeout: 30_000 });
  await context.close();
});

test('a million lines do not freeze the page', async ({ page, startPortal, signIn }) => {
  test.setTimeout(120_000);
  const portal = await startPortal({ texts: { 'bench.md': TEXT } });
  await signIn('operator', { portal });
  await startRun(page, portal.url, 'flood');
  await page.locator('#run-1').click();
  await expect(page.locator('#command-1-state')).toContainText('passed', { timeout: 60_000 });
  await expect(page.locator('#frame-1 pre')).toContainText('1000000', { timeout: 60_000 });
  const lines = (await page.locator('#frame-1 pre').textContent())!.split('\n').length;
  expect(lines).toBeLessThan(6_000);
  await expect(page.locator('#frame-1 .dropped')).toBeVisible();
  // The page still answers a person at once.
  const answered = await page.evaluate(
    () => new Promise<number>((resolve) => { const asked = performance.now(); requestAnimationFrame(() => resolve(performance.now() - asked)); }),
  );
  expect(answered).toBeLessThan(1_000);
  const download = page.waitForEvent('download');
  await page.locator('#frame-1 .output-bar a').click();
  const stream = await (await download).createReadStream();
  let bytes = 0;
  for await (const piece of stream) bytes += (piece as Buffer).length;
  expect(bytes).toBe(6_888_896);
});

test('output shows colours and runs nothing', async ({ page, startPortal, signIn }) => {
  const portal = await startPortal({ texts: { 'bench.md': TEXT } });
  await signIn('operator', { portal });
  await startRun(page, portal.url, 'colours');
  await page.locator('#run-1').click();
  const output = page.locator('#frame-1 pre');
  await expect(output).toContainText('<script>document.title="owned"</script>');
  await expect(output).toContainText('worse');
  expect(await output.locator('b, script').count()).toBe(0);
  expect(await output.locator('.fg-1', { hasText: 'red' }).count()).toBeGreaterThan(0);
  expect(await page.title()).not.toBe('owned');
});
