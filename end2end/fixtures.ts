// What a browser test is given: a running portal, and ways to be somebody in it.
//
//   import { expect, test } from '../fixtures.ts';
//   test('…', async ({ page, portal, signIn }) => { await signIn('operator'); await page.goto(portal.url); });

import AxeBuilder from '@axe-core/playwright';
import { test as base, type Page, type TestInfo } from '@playwright/test';

import { Alertmanager } from './alertmanager.ts';
import { corpus, Portal, type PortalOptions } from './portal.ts';
import { IndependentProvider, type Role } from './provider.ts';
import { Receiver } from './receiver.ts';
import { Wire } from './wire.ts';

export { expect } from '@playwright/test';
export { corpus, samples } from './portal.ts';
export { people, type Role } from './provider.ts';

/** Where a person who is not signed in goes, and where the provider sends them back to. */
const SIGN_IN = '/auth/sign-in';
const WAYS_BACK = { callback: '/auth/callback', signedOut: '/auth/signed-out' };

interface ForWorker {
  /**
   * A portal with the real runbooks where this machine has them, else with the samples. All tests share it: none may
   * depend on its being new.
   */
  portal: Portal;
  /** An OpenID provider that shares no code with the portal. */
  provider: IndependentProvider;
}

interface ForTest {
  /** Signs this test's browser in as the person of a role, by pressing what a person would press. */
  signIn: (role: Role, options?: SignInOptions) => Promise<void>;
  /** Starts a portal for this test alone. */
  startPortal: (options?: PortalOptions) => Promise<Portal>;
  /** Starts a real Alertmanager that tells a portal of alerts; where there is none the test is skipped. */
  startAlertmanager: (portal: Portal) => Promise<Alertmanager>;
  /** Starts what takes messages: a chat, a pager, a real mail server; where that is missing the test is skipped. */
  startReceiver: () => Promise<Receiver>;
  /** Starts a wire between a browser and everything else, which can be cut. */
  startWire: () => Promise<Wire>;
  /** Fails when axe finds a serious or critical barrier on the page as it is now. */
  expectNoBarriers: (page?: Page) => Promise<void>;
}

interface SignInOptions {
  /** A portal other than the shared one. */
  portal?: Portal;
  /** A page other than the test's own: a second person's browser. */
  page?: Page;
}

export const test = base.extend<ForTest, ForWorker>({
  portal: [
    async ({}, use) => {
      const portal = await Portal.start({ runbooks: corpus });
      await use(portal);
      await portal.stop();
    },
    { scope: 'worker' },
  ],

  provider: [
    async ({}, use) => {
      const provider = await IndependentProvider.start(WAYS_BACK);
      await use(provider);
      await provider.stop();
    },
    { scope: 'worker' },
  ],

  signIn: async ({ page: own, portal: shared }, use, testInfo) => {
    await use(async (role, { portal = shared, page = own } = {}) => {
      await page.goto(`${portal.url}${SIGN_IN}`);
      // Both providers have a button for each person, whose family name is the role: "Otto Operator …".
      await page.getByRole('button', { name: new RegExp(`^\\S+ ${role}\\b`, 'i') }).click();
      await page.waitForURL((url) => url.origin === portal.url && !url.pathname.startsWith('/auth/'));
    });
    await attachLog(shared, testInfo);
  },

  startPortal: async ({}, use, testInfo) => {
    const started: Portal[] = [];
    await use(async (options) => {
      const portal = await Portal.start(options);
      started.push(portal);
      return portal;
    });
    for (const portal of started) {
      await attachLog(portal, testInfo);
      await portal.stop();
    }
  },

  startAlertmanager: async ({}, use, testInfo) => {
    const started: Alertmanager[] = [];
    await use(async (portal) => {
      requireInCi(Alertmanager.installed, 'Alertmanager');
      const alertmanager = await Alertmanager.start(portal);
      started.push(alertmanager);
      return alertmanager;
    });
    for (const alertmanager of started) {
      if (testInfo.status !== testInfo.expectedStatus) {
        await testInfo.attach('alertmanager.log', { body: alertmanager.log(), contentType: 'text/plain' });
      }
      await alertmanager.stop();
    }
  },

  startWire: async ({}, use) => {
    const started: Wire[] = [];
    await use(async () => {
      const wire = await Wire.start();
      started.push(wire);
      return wire;
    });
    for (const wire of started) await wire.stop();
  },

  startReceiver: async ({}, use) => {
    const started: Receiver[] = [];
    await use(async () => {
      requireInCi(Receiver.installed, 'aiosmtpd');
      const receiver = await Receiver.start();
      started.push(receiver);
      return receiver;
    });
    for (const receiver of started) await receiver.stop();
  },

  expectNoBarriers: async ({ page: own }, use) => {
    await use(async (page = own) => {
      const { violations } = await new AxeBuilder({ page }).analyze();
      const barriers = violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((node) => node.html).join('\n  ')}`);
      base.expect(barriers.join('\n'), `barriers on ${page.url()}`).toBe('');
    });
  },
});

/** Skips the test where a program is missing; in CI that is a failure, for there `cargo xtask` installs it. */
function requireInCi(installed: boolean, what: string): void {
  if (!installed && process.env.CI === 'true') throw new Error(`${what} is not installed`);
  base.skip(!installed, `${what} is not installed: cargo xtask setup`);
}

/** Adds what a portal printed to the report of a failed test. */
async function attachLog(portal: Portal, testInfo: TestInfo): Promise<void> {
  if (testInfo.status !== testInfo.expectedStatus) {
    await testInfo.attach('portal.log', { body: portal.log(), contentType: 'text/plain' });
  }
}
