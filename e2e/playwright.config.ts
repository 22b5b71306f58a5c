import { createServer } from 'node:net';
import { defineConfig } from '@playwright/test';
import { CHROMIUM_FLAGS, chromiumPath } from '../src/testing/browser/chromium.ts';

/** A port that nothing listens on, from the system. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === 'string') throw new Error('The system gave no port.');
  return address.port;
}

// The config is loaded again in every worker: they take the port from the environment.
const port = (process.env['BAMBA_E2E_PORT'] ??= String(await freePort()));
const url = `http://127.0.0.1:${port}/`;
// `npm test` has built the page already.
const build = process.env['BAMBA_E2E_BUILT'] ? '--no-build' : '';

/** Specs of what the page shows, with an engine that answers from a script. */
const OF_THE_PAGE = /(-ui|markdown-\w+)\.spec\.ts$/;

export default defineConfig({
  testDir: '.',
  outputDir: '../test-results',
  projects: [
    // With models, these take longest: begun first, they leave no worker alone at the end.
    { name: 'whole', testIgnore: OF_THE_PAGE },
    // A tab of its own costs a test more than all that it does. Their storage is cleared between them, and they leave
    // permissions and the network as they are.
    { name: 'page', testMatch: OF_THE_PAGE, use: { reuseContext: true } },
  ],
  // SwiftShader computes on the CPU: two pages keep two cores busy, and each has time to load a model.
  workers: 2,
  fullyParallel: false,
  retries: 0,
  timeout: 240_000,
  expect: { timeout: 60_000 },
  reporter: 'list',
  use: {
    baseURL: url,
    // The tests of the page as an app allow them.
    serviceWorkers: 'block',
    browserName: 'chromium',
    launchOptions: { executablePath: chromiumPath(), args: [...CHROMIUM_FLAGS] },
    screenshot: 'off',
    trace: 'off',
    video: 'off',
  },
  webServer: {
    command: `node src/tools/serve.mjs --host 127.0.0.1 --port ${port} --strict-port ${build}`,
    cwd: '..',
    url,
    timeout: 300_000,
    reuseExistingServer: false,
    stdout: 'ignore',
    stderr: 'pipe',
  },
});
