// kubectl port-forward: a link to the port, on a host name of its own, while the command runs.

import { expect, test } from '../fixtures.ts';

const TEXT = `# Dashboards

## Look

\`\`\`bash
# Reach Grafana
kubectl port-forward svc/grafana 3000:3000 -n monitoring
\`\`\`
`;

test('a port is reached through the portal until the command is stopped', async ({ page, startPortal, signIn, expectNoBarriers }) => {
  const portal = await startPortal({ texts: { 'dashboards.md': TEXT } });
  await signIn('operator', { portal });
  await page.goto(`${portal.url}/runbooks/dashboards/look`);
  await page.getByRole('button', { name: /Start a run/ }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]+/);
  const run = page.url().split('/runs/')[1]!.split('#')[0]!;
  await page.locator('#run-1').click();
  const link = page.getByRole('link', { name: 'Open service/grafana:3000' });
  await expect(link).toBeVisible();
  await expectNoBarriers();

  const [behind] = await Promise.all([page.waitForEvent('popup'), link.click()]);
  await expect(behind.getByRole('heading')).toContainText('grafana-');
  const host = new URL(behind.url()).hostname;
  expect(host).toMatch(/^[a-z0-9]+\.localhost$/);
  expect(new URL(behind.url()).search).toBe('');

  await page.locator('#stop-1').click();
  await expect(page.locator('#command-1-state')).toContainText('stopped');
  await expect(link).toHaveCount(0);
  await behind.reload();
  await expect(behind.locator('body')).toContainText('This link has ended');

  await page.goto(`${portal.url}/history?run=${run}`);
  await expect(page.getByRole('main')).toContainText('Opened the link to service/grafana:3000');
});
