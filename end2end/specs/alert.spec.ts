// What is outside the portal in an incident: an Alertmanager that tells it, and what takes its messages.

import { expect, test } from '../fixtures.ts';

const TEXT = `# Shop

## Restart one pod

\`\`\`bash
# Remove it
kubectl delete pod <pod-name> -n <namespace>
\`\`\`
`;

const LABELS = { severity: 'critical', namespace: 'fintech-banking', pod: 'payment-service-1' };

test('an alert that fires opens an incident, and is told to be over', async ({
  page,
  startPortal,
  startAlertmanager,
  signIn,
}) => {
  const portal = await startPortal({ texts: { 'shop.md': TEXT } });
  const alertmanager = await startAlertmanager(portal);
  await signIn('operator', { portal });
  const main = page.getByRole('main');
  // The list is open when it happens, and is not loaded again.
  await page.goto(`${portal.url}/incidents`);
  await expect(main).toContainText('No incident is open');
  const shows = (path: string, words: string) =>
    expect(async () => {
      await page.goto(`${portal.url}${path}`);
      await expect(main).toContainText(words, { timeout: 1_000 });
    }).toPass({ timeout: 30_000 });

  await alertmanager.fire('HighErrorRate', LABELS, {
    summary: 'Payments fail',
    runbook_url: 'https://git.example.com/ops/shop.md#restart-one-pod',
  });
  await expect(main).toContainText('Payments fail', { timeout: 30_000 });
  await shows('/history', 'Alert HighErrorRate fires');
  await alertmanager.resolve('HighErrorRate', LABELS);
  await shows('/history', 'Alert HighErrorRate is over');
  await page.goto(`${portal.url}/incidents`);
  await main.getByRole('link', { name: /Payments fail/ }).click();
  await expect(main).toContainText('Restart one pod');
});

test('what is told to people reaches chat, pager and mail, and is tried again where it stumbles', async ({
  page,
  startPortal,
  startReceiver,
  signIn,
}) => {
  const receiver = await startReceiver();
  const portal = await startPortal({ texts: { 'shop.md': TEXT }, channels: receiver.channels });
  await signIn('operator', { portal });
  await page.goto(`${portal.url}/incidents`);
  await page.getByLabel('What is wrong').fill('Payments fail');
  await page.getByRole('button', { name: 'Open it' }).click();
  await page.waitForURL(/incidents\/[0-9a-f-]+$/);
  const incident = page.url();
  const tell = async (channel: string, text: string, action?: string) => {
    await page.goto(`${incident}/message?template=free`);
    await page.locator('textarea[name=text]').fill(text);
    await page.locator('input[name=subject]').fill('About payments');
    await page.locator('select[name=channel]').selectOption(channel);
    if (action) await page.locator('select[name=action]').selectOption(action);
    await page.getByRole('button', { name: /^Send/ }).click();
    const row = page.locator('.message-row', { hasText: text });
    await expect(row).toContainText('delivered', { timeout: 30_000 });
    return row;
  };

  receiver.failNext(1);
  expect(await (await tell('incidents', 'We look into it')).textContent()).toContain('2 attempts');
  expect(receiver.posts.map((post) => post.text).join()).toContain('We look into it');
  await tell('pager', 'Somebody must come', 'trigger');
  await tell('pager', 'It is over', 'resolve');
  expect(receiver.events.map((event) => event.event_action)).toEqual(['trigger', 'resolve']);
  const keys = new Set(receiver.events.map((event) => event.dedup_key));
  expect([...keys]).toEqual([`runbook-portal-${incident.split('/').pop()}`]);
  await tell('stakeholders', 'Payments are back');
  await expect.poll(() => receiver.letters).toHaveLength(1);
  expect(receiver.letters[0]!.data).toContain('Subject: About payments');
  expect(receiver.letters[0]!.data).toContain('Payments are back');
});
