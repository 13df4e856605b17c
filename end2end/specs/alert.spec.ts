// What is outside the portal in an incident: an Alertmanager that tells it, and what takes its messages.

import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

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
  const shows = (path: string, words: string) =>
    expect(async () => {
      await page.goto(`${portal.url}${path}`);
      await expect(main).toContainText(words, { timeout: 1_000 });
    }).toPass({ timeout: 30_000 });

  await alertmanager.fire('HighErrorRate', LABELS, {
    summary: 'Payments fail',
    runbook_url: 'https://git.example.com/ops/shop.md#restart-one-pod',
  });
  await shows('/incidents', 'Payments fail');
  await shows('/history', 'Alert HighErrorRate fires');
  await alertmanager.resolve('HighErrorRate', LABELS);
  await shows('/history', 'Alert HighErrorRate is over');
  await page.goto(`${portal.url}/incidents`);
  await main.getByRole('link', { name: /Payments fail/ }).click();
  await expect(main).toContainText('Restart one pod');
});

test('the chat, the pager and the mail server of a test take what a portal sends', async ({
  startPortal,
  startReceiver,
}) => {
  const receiver = await startReceiver();
  // It starts only where it can use these channels.
  await startPortal({ texts: { 'shop.md': TEXT }, channels: receiver.channels });
  const setting = (name: string) => receiver.channels.find((channel) => channel.name === name)!;

  const post = (url: string, body: object) => fetch(url, { method: 'POST', body: JSON.stringify(body) });
  const slack = setting('incidents').secret!.value;
  receiver.failNext(1);
  expect((await post(slack, { text: 'Payments fail' })).status).toBe(503);
  expect((await post(slack, { text: 'Payments fail' })).status).toBe(200);
  expect(receiver.posts).toEqual([{ text: 'Payments fail' }]);

  const event = { routing_key: setting('pager').secret!.value, event_action: 'trigger', dedup_key: 'one' };
  expect((await post(String(setting('pager').settings!.endpoint), event)).status).toBe(202);
  expect(receiver.events).toEqual([event]);

  const session = connect(Number(setting('stakeholders').settings!.port), '127.0.0.1');
  const letter = ['Subject: Payments fail', '', 'Now.', '.', 'QUIT', ''];
  session.write(['HELO us', 'MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>', 'DATA', ...letter].join('\r\n'));
  expect(await text(session)).toContain('\n221 ');
  await expect.poll(() => receiver.letters).toHaveLength(1);
  expect(receiver.letters[0]!.data).toContain('Subject: Payments fail');
});
