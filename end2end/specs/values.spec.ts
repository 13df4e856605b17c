// Values: asked for once, suggested from the cluster, there for everybody; and what a runbook expects of a result.

import { expect, test } from '../fixtures.ts';

const TEXT = `# Pods

## Look

\`\`\`bash
# 1. Look at one
kubectl get pod <pod-name> -n fintech-banking -o name

# 2. Count the errors
echo 37
# Expected: < 10

# 3. Look at the same
kubectl get pod <pod-name> -n fintech-banking --no-headers
# Expected: It looks well
\`\`\`
`;

test('a value is given once, and a result is judged', async ({ page, browser, startPortal, signIn, expectNoBarriers }) => {
  const portal = await startPortal({ texts: { 'pods.md': TEXT } });
  await signIn('operator', { portal });
  await page.goto(`${portal.url}/runbooks/pods/look`);
  await page.getByRole('button', { name: /Start a run/ }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]+/);
  const run = page.url().split('#')[0]!;

  const context = await browser.newContext();
  const other = await context.newPage();
  await signIn('approver', { portal, page: other });
  await other.goto(run);
  for (const one of [page, other]) {
    await expect(one.locator('#connection')).toHaveAttribute('data-state', 'live');
  }

  // The cluster suggests its pods, and what is no name of one is refused with what is expected.
  const pod = (await page.locator('#suggest-pod-name option').first().getAttribute('value'))!;
  expect(pod).toMatch(/^[a-z0-9-]+$/);
  const first = page.locator('#command-1 input[name="values[pod-name]"]');
  await first.fill('No Pod');
  await page.locator('#run-1').click();
  await expect(page.locator('#command-1 .refusal')).toContainText('name of a Kubernetes object');

  await page.locator('#values summary').click();
  await page.locator('#values input[name="values[pod-name]"]').fill(pod);
  await page.getByRole('button', { name: 'Keep these values' }).click();
  await expect(page.locator('#run-given')).toHaveText('1 of 1 given');
  for (const one of [page, other]) {
    await expect(one.locator('#command-3 input[name="values[pod-name]"]')).toHaveValue(pod);
  }
  await page.locator('#run-1').click();
  await expect(page.locator('#command-1-state')).toContainText('passed');
  await expect(page.locator('#frame-1')).toContainText(`pod/${pod}`);

  // What can be decided is decided; the rest is asked.
  await page.locator('#run-2').click();
  await expect(page.locator('#command-2-state')).toContainText('Expected: < 10 — 37');
  await expect(other.locator('#step-2-state')).toContainText('not as expected');
  await page.locator('#run-3').click();
  await page.getByRole('button', { name: 'As expected' }).click();
  await expect(other.locator('#command-3-state')).toContainText('As expected');
  await expectNoBarriers();
  await context.close();
});
