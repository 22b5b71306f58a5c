// The library in a page of its own beside a hub, for Playwright's tests: built once a process, served to each test.

import { rmSync } from 'node:fs';
import { test } from '@playwright/test';
import { TestHub } from '../src/testing/servers/test-hub.ts';
import { buildHubPage, type HubServer, serveHubPage } from './hub-server.ts';

/** The setting of a test: a hub of its own, and the address of the page. */
export interface HubPage {
  hub: TestHub;
  url: string;
  /** Cuts all connections. */
  cut: () => void;
}

/** The folder with the page, once the first file that wants it has built it. */
let built: Promise<string> | undefined;

function page(): Promise<string> {
  built ??= buildHubPage().then((folder) => {
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    return folder;
  });
  return built;
}

/**
 * Builds the page before the tests of the first file, and serves it to each test.
 * @param files of the hub
 */
export function useHubPage(files: () => Record<string, Uint8Array>): HubPage {
  let folder = '';
  let server: HubServer | undefined;
  const found: HubPage = { hub: new TestHub(new Map()), url: '', cut: () => server?.cut() };
  test.beforeAll(async () => {
    folder = await page();
  });
  test.beforeEach(async () => {
    server = await serveHubPage(folder, files());
    Object.assign(found, { hub: server.hub, url: server.url });
  });
  test.afterEach(() => server?.close());
  return found;
}
