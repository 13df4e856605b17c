// `kubectl edit`: the editor opens on the page of the run, for everybody who looks at it.

import { expect, test } from '../fixtures.ts';

const TEXT = `# Shop

## Tune

\`\`\`bash
# Tune the service
kubectl edit deployment auth-service -n fintech-banking
\`\`\`
`;

test('an object is edited, looked at and changed', async ({ page, browser, startPortal, signIn, expectNoBarriers }) => {
  const portal = await startPortal({ texts: { 'shop.md': TEXT } });
  await signIn('operator', { portal });
  await page.goto(`${portal.url}/runbooks/shop/tune`);
  await page.getByRole('button', { name: /Start a run/ }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]+/);
  const run = page.url().split('#')[0]!;
  const context = await browser.newContext();
  const other = await context.newPage();
  await signIn('viewer', { portal, page: other });
  await other.goto(run);
  for (const one of [page, other]) {
    await expect(one.locator('#connection')).toHaveAttribute('data-state', 'live');
  }

  await page.locator('#run-1').click();
  const editor = page.getByRole('textbox', { name: 'Edit deployment.apps/auth-service' });
  await expect(editor).toBeVisible();
  await expectNoBarriers();
  await expect(other.locator('#question-1')).toContainText('waits for the answer');
  await expect(other.locator('#question-1 textarea')).toHaveCount(0);

  // What cannot be is said, and nothing that was typed is lost.
  const manifest = await editor.inputValue();
  expect(manifest).toContain('replicas: 3');
  await editor.fill(manifest.replace('  name: auth-service', '  name: another'));
  await page.getByRole('button', { name: 'Show what would change' }).click();
  await expect(page.locator('#question-1 .note')).toContainText('metadata.name may not be changed');
  expect(await editor.inputValue()).toContain('name: another');

  await editor.fill(manifest.replace('replicas: 3', 'replicas: 4'));
  await page.getByRole('button', { name: 'Show what would change' }).click();
  await expect(page.locator('#question-1 .added')).toHaveText('+   replicas: 4');
  await expect(other.locator('#question-1')).toContainText('Change deployment.apps/auth-service?');
  await expectNoBarriers();
  await page.getByRole('button', { name: 'Apply this change' }).click();
  await expect(page.locator('#command-1-state')).toContainText('passed');
  await expect(page.locator('#frame-1')).toContainText('deployment.apps/auth-service edited');
  await expect(page.locator('#question-1')).toBeHidden();

  // The trail has both texts.
  await page.goto(`${portal.url}/history`);
  const row = page.locator('.trail-action', { hasText: 'Change deployment.apps/auth-service' }).locator('..');
  await expect(row.locator('.trail-action')).toHaveText('Step 1: Change deployment.apps/auth-service');
  await row.locator('.trail-time a').click();
  await expect(page.locator('.diff .removed')).toHaveText('-   replicas: 3');
  await expect(page.locator('.diff .added')).toHaveText('+   replicas: 4');
  await context.close();
});
