import { defineConfig } from '@playwright/test';

// Chromium comes from the system (CHROMIUM_PROGRAM, set by `cargo xtask end2end`): no browser is downloaded. It cannot
// sandbox itself as root, which is what containers and CI run as.
const asRoot = process.getuid?.() === 0;

export default defineConfig({
  testDir: 'specs',
  outputDir: 'test-results',
  forbidOnly: process.env.CI === 'true',
  // A test that passes at the second try has found something: it fails.
  retries: 0,
  // Each worker starts a portal of its own. Two, because the longest test mostly waits.
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list']],
  use: {
    viewport: { width: 1280, height: 800 },
    screenshot: 'only-on-failure',
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM_PROGRAM ?? '/usr/bin/chromium',
      args: asRoot ? ['--no-sandbox', '--disable-dev-shm-usage'] : ['--disable-dev-shm-usage'],
    },
  },
});
