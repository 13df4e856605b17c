// Every page, wide and narrow, light and dark: nothing serious for axe, nothing wider than the window.

import { expect, test } from '../fixtures.ts';

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1440, 390]) {
    test(`every page at ${width} px, ${colorScheme}`, async ({ page, portal, signIn, expectNoBarriers }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await signIn('approver');
      const runbook = await page.goto(`${portal.url}/runbooks`).then(() => page.locator('main a[href^="/runbooks/"]').first().getAttribute('href'));
      await page.goto(`${portal.url}${runbook}`);
      const procedure = await page.getByRole('link', { name: 'Open procedure' }).first().getAttribute('href');
      await page.goto(`${portal.url}${procedure}`);
      await page.getByRole('button', { name: /Start a run/ }).click();
      await page.waitForURL(/\/runs\/[0-9a-f-]+/);
      const run = new URL(page.url()).pathname;
      await page.goto(`${portal.url}/history`);
      const event = await page.locator('.trail a[href^="/history/"]').first().getAttribute('href');
      const pages = ['/', '/runbooks', runbook, procedure, '/runs', run, '/history', event, '/search?q=kubectl', '/search?q=nothinglikethis', '/nowhere'];
      for (const address of pages) {
        await page.goto(`${portal.url}${address}`);
        await expectNoBarriers();
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect(overflow, `${address} is wider than the window`).toBeLessThanOrEqual(0);
      }
    });
  }
}
