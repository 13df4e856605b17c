// A P1 from a real Alertmanager's alert to an exported post-mortem, by three people in three browsers.

import type { Browser, BrowserContext, Page } from '@playwright/test';

import { expect, test } from '../fixtures.ts';

const TEXT = `# Shop

## P1: Shop Completely Down

**Symptoms**:
- Every page fails
- Alert: ShopDown

**Response SLA**: 5 minutes

1. **Declare it**
   \`\`\`
   Slack: @incident-commander DECLARE P1 - SHOP DOWN
   \`\`\`

2. **Look at the pods**
   \`\`\`bash
   kubectl get pods -n fintech-banking
   \`\`\`

3. **Call the database team**
   - Ask whether they see it, too

4. **Recover**
   \`\`\`bash
   # Option 1: Restart pods
   kubectl rollout restart deployment/auth-service -n fintech-banking

   # Option 2: Scale up
   kubectl scale deployment auth-service --replicas=4 -n fintech-banking
   \`\`\`

5. **Verify Recovery**
   \`\`\`bash
   kubectl get deployment auth-service -n fintech-banking
   \`\`\`

## Communication During Incidents

**Template**:
\`\`\`
INCIDENT ALERT

Service: Shop
Severity: P[1-4]
Status: INVESTIGATING / IDENTIFIED / RESOLVED

Affected: [Which features]
Started: [ISO timestamp]

We will provide updates every 30 minutes.
\`\`\`

## Escalation

- **Primary**: Shop On-Call
- **Secondary**: Shop Lead
`;

const LABELS = { severity: 'critical', namespace: 'fintech-banking', service: 'auth-service' };
/** A person on the page: their name, and a browser of their own. */
type Somebody = { page: Page; context: BrowserContext };

async function another(browser: Browser, wire?: string): Promise<Somebody> {
  const context = await browser.newContext(wire ? { proxy: { server: wire } } : {});
  return { context, page: await context.newPage() };
}

/** Keys are for a page that has woken up. */
async function awake(page: Page): Promise<void> {
  await expect(page.locator('#connection')).toHaveText('connected');
}

test('a P1, from the alert to the exported post-mortem, by three people', async ({
  page: otto,
  browser,
  startPortal,
  startAlertmanager,
  startReceiver,
  startWire,
  signIn,
  expectNoBarriers,
}) => {
  test.setTimeout(180_000);
  const receiver = await startReceiver();
  const portal = await startPortal({ texts: { 'shop.md': TEXT }, channels: receiver.channels });
  const alertmanager = await startAlertmanager(portal);
  await signIn('operator', { portal });
  const ada = await another(browser);
  await signIn('approver', { portal, page: ada.page });
  const wire = await startWire();
  const third = await another(browser, wire.url);
  for (const page of [otto, ada.page, third.page]) page.setDefaultTimeout(20_000);
  await signIn('admin', { portal, page: third.page });

  // The alert opens an incident, and the home page has it first.
  await alertmanager.fire('ShopDown', LABELS, { summary: 'The shop is down' });
  await expect(async () => {
    await otto.goto(portal.url);
    await expect(otto.locator('.open-incident')).toContainText('The shop is down', { timeout: 1_000 });
  }).toPass({ timeout: 30_000 });
  await expect(otto.locator('.open-incident')).toContainText('P1');
  await otto.getByRole('link', { name: 'Look' }).click();
  const incident = otto.url();
  const number = new URL(incident).pathname.split('/').pop()!;
  await expect(otto.locator('#incident-suggested')).toContainText('the symptoms name the alert ShopDown');
  await expect(otto.locator('#incident-status .sla').first()).toContainText('Response');
  await expectNoBarriers(otto);

  // Whoever starts the procedure that fits has acknowledged it and leads.
  await otto.getByRole('button', { name: 'Start: P1: Shop Completely Down' }).click();
  await otto.waitForURL(/\/runs\//);
  const run = otto.url().split('?')[0]!;
  await expect(otto.locator('#run-incident')).toContainText('after');
  await expectNoBarriers(otto);
  await ada.page.goto(incident);
  await expect(ada.page.locator('#incident-status')).toContainText('Otto Operator leads');
  await ada.page.getByRole('link', { name: 'Join' }).click();
  await third.page.goto(`${run}?step=4`);
  await expect(otto.locator('#here')).toContainText('Ada Approver');
  await expect(otto.locator('#here')).toContainText('step 4');

  // One declares it, goes on by keyboard alone, and skips a step with a reason.
  await awake(otto);
  await otto.keyboard.press('t');
  await otto.keyboard.press('Enter');
  await expect(otto.locator('#step-1-state')).toContainText('passed');
  await otto.locator('body').press('j');
  await otto.waitForURL(/step=2/);
  await awake(otto);
  await otto.keyboard.press('r');
  await otto.keyboard.press('Enter');
  await expect(otto.locator('#command-2-state')).toContainText('passed');
  await wire.cut();
  await expect(third.page.locator('#connection')).toHaveAttribute('data-state', 'stale', { timeout: 30_000 });
  await otto.locator('body').press('j');
  await otto.waitForURL(/step=3/);
  await awake(otto);
  await otto.keyboard.press('s');
  await otto.keyboard.type('They are all on this call');
  await otto.getByRole('button', { name: 'Skip it' }).click();
  await expect(otto.locator('#step-3-state')).toContainText('skipped');

  // Another one claims the next step: it is theirs at everybody, and they choose one of its ways.
  await ada.page.goto(`${run}?step=4`);
  await ada.page.getByRole('button', { name: 'Claim' }).click();
  await otto.goto(`${run}?step=4`);
  await expect(otto.locator('#step-4-claim')).toContainText('Ada Approver does this');
  await expect(otto.getByRole('button', { name: /^Run:/ })).toBeHidden();
  await ada.page.getByRole('button', { name: 'Choose: Scale up' }).click();
  await expect(otto.locator('#command-4b-chosen')).toContainText('chosen');
  await ada.page.getByRole('button', { name: 'Run: Scale up' }).click();
  await expect(otto.locator('#command-4b-state')).toContainText('passed', { timeout: 30_000 });

  // Whoever was away knows nothing of it, and has it all when they are back, without loading the page again.
  await expect(third.page.locator('#command-4b-state')).not.toContainText('passed');
  wire.mend();
  await expect(third.page.locator('#command-4b-state')).toContainText('passed', { timeout: 30_000 });
  await expect(third.page.locator('#run-steps')).toContainText('Call the database team');

  // People are told: filled from the incident, promised to hear again, delivered after a stumble.
  receiver.failNext(1);
  await otto.goto(`${incident}/message`);
  await otto.getByRole('link', { name: /Template|Communication/ }).first().click();
  await otto.getByLabel(/Which features/).fill('Every page');
  await otto.getByRole('button', { name: 'Fill in and look' }).click();
  await expect(otto.locator('.message-preview')).toContainText('Severity: P1');
  await otto.getByLabel('Channel').selectOption('incidents');
  await otto.getByRole('button', { name: /^Send/ }).click();
  await expect.poll(() => receiver.posts.length, { timeout: 30_000 }).toBe(1);
  expect(receiver.posts[0]!.text).toContain('Severity: P1');
  expect(receiver.posts[0]!.text).toContain('Affected: Every page');
  await third.page.goto(incident);
  await expect(third.page.locator('#incident-messages')).toContainText('delivered', { timeout: 30_000 });
  await expect(third.page.locator('#incident-status')).toContainText('Next update');

  // Command is handed over with a summary; everybody sees who leads.
  await otto.goto(incident);
  await otto.locator('#hand-over summary').click();
  await otto.locator('#hand-over select').selectOption({ label: 'Ada Approver' });
  await otto.locator('#hand-over textarea').fill('Scaled to four; errors fall. Watch the queue.');
  await otto.getByRole('button', { name: 'Hand over', exact: true }).click();
  await expect(third.page.locator('#incident-status')).toContainText('Ada Approver leads');

  // The alert is over, which is said and decides nothing; a person does.
  await alertmanager.resolve('ShopDown', LABELS, { summary: 'The shop is down' });
  await ada.page.goto(incident);
  await expect(ada.page.locator('#incident-alerts')).toContainText('Every alert is over', { timeout: 30_000 });
  await ada.page.getByRole('button', { name: 'Mark mitigated' }).click();
  await expect(otto.locator('#incident-status')).toContainText('mitigated');
  await ada.page.getByRole('button', { name: 'Mark resolved' }).click();
  await expect(otto.locator('#incident-status')).toContainText('resolved');

  // Timeline, Markdown and the audit trail agree to the second.
  await otto.goto(`${incident}/timeline`);
  await expectNoBarriers(otto);
  const entries = await otto.locator('.entry').evaluateAll((rows) =>
    rows.map((row) => ({
      event: row.id.replace('entry-', ''),
      at: row.querySelector('time')!.getAttribute('datetime')!,
      words: row.querySelector('.entry-words > span:not([class])')?.textContent ?? row.querySelector('.entry-words')!.textContent!,
    })),
  );
  const told = entries.map((entry) => entry.words).join('\n');
  for (const words of [
    'Alert ShopDown fires',
    'Opened: The shop is down',
    'Acknowledged',
    'Took command',
    'Began “P1: Shop Completely Down”',
    'Skipped: Call the database team (step 3)',
    'Claimed the step (step 4)',
    'Chose: Scale up (step 4b)',
    'Handed command to Ada Approver',
    'Alert ShopDown is over',
    'Mitigated',
    'Resolved',
  ]) {
    expect(told).toContain(words);
  }
  for (const entry of entries) {
    await otto.goto(`${portal.url}/history/${entry.event}`);
    const shown = entry.at.replace('T', ' ').replace('Z', '');
    await expect(otto.getByRole('main')).toContainText(shown);
  }
  const exported = await otto.request.get(`${portal.url}/incidents/${number}/post-mortem.md`);
  const markdown = await exported.text();
  expect(exported.headers()['content-disposition']).toContain('INC-1-post-mortem.md');
  const times = [...markdown.split('## Timeline')[1]!.split('## Actions')[0]!.matchAll(/^- `(\d\d:\d\d:\d\d)`/gm)];
  expect(times.map((match) => match[1])).toEqual(entries.map((entry) => entry.at.slice(11, 19)));
  expect(markdown).toContain('They are all on this call');
  expect(markdown).toContain('- [ ] Step 3 was skipped');
  await ada.context.close();
  await third.context.close();
});
