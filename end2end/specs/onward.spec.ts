// Cards beside what is read and run; running on until somebody is needed; values that are adjusted in place.

import { expect, test } from '../fixtures.ts';

const TEXT = `# Shop

| Metric    | Warning | Critical |
| --------- | ------- | -------- |
| CPU usage | 1%      | 99%      |

\`\`\`widget
title: Machines
nodes: all
\`\`\`

## Busy day

\`\`\`bash
# 1. How many run
kubectl get deployment auth-service -n fintech-banking

# 2. How hard they work
kubectl get hpa -n fintech-banking
\`\`\`

**Change it**

\`\`\`bash
# Option 1: more
kubectl scale deployment auth-service --replicas=5 -n fintech-banking

# Option 2: fewer
kubectl scale deployment auth-service --replicas=2 -n fintech-banking
\`\`\`
`;

test('cards move, a run goes on until somebody is needed, a value is adjusted', async ({
  page,
  startPortal,
  signIn,
  expectNoBarriers,
}) => {
  const portal = await startPortal({ texts: { 'shop.md': TEXT } });
  await signIn('operator', { portal });

  // The page of the runbook: what its author asks for, compared with its own table, and what its commands name.
  await page.goto(`${portal.url}/runbooks/shop`);
  const machines = page.locator('.card', { hasText: 'Machines' });
  await expect(machines.locator('.pill')).toContainText('well');
  await expect(machines.locator('.measure').first()).toHaveClass(/moving/);
  await expect(machines).toContainText("warning from 1 % · from the runbook's table");
  await expect(page.locator('.card', { hasText: 'auth-service-hpa' })).toContainText('CPU');
  // A number has a past as soon as it was asked for twice.
  await expect(machines.locator('.sparkline').first()).toBeVisible({ timeout: 20_000 });
  await expectNoBarriers();

  await page.goto(`${portal.url}/runbooks/shop/busy-day`);
  await page.getByRole('button', { name: /Start a run/ }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]+/);
  const run = page.url().split('/runs/')[1]!.split('#')[0]!;
  await page.getByRole('button', { name: 'Run on' }).click();
  await expect(page.locator('#run-onward')).toContainText('is a choice: pick one');
  for (const command of ['1', '2']) {
    await expect(page.locator(`#command-${command}-state`)).toContainText('passed');
  }

  const choice = page.locator('#command-3a');
  await choice.getByText('Adjust', { exact: true }).click();
  await choice.getByRole('textbox', { name: '--replicas' }).fill('0');
  await page.locator('#run-3a').click();
  await expect(page.getByRole('main')).toContainText('is a command to destroy');
  await page.goto(`${portal.url}/runs/${run}`);
  await choice.getByText('Adjust', { exact: true }).click();
  await choice.getByRole('textbox', { name: '--replicas' }).fill('4');
  await expectNoBarriers();
  await page.locator('#run-3a').click();
  await expect(page.locator('#command-3a-state')).toContainText('passed');
  await expect(page.locator('#cards')).toContainText('4 / 4 ready', { timeout: 60_000 });

  await page.goto(`${portal.url}/history?run=${run}`);
  await expect(page.getByRole('main')).toContainText('--replicas=4');
});
