// The library in a page of its own beside a hub, for Playwright's tests: built once a file, served to each test.

import { rm } from 'node:fs/promises';
import { test } from '@playwright/test';
import { TestHub } from '../src/testing/test-hub.ts';
import { buildHubPage, type HubServer, serveHubPage } from './hub-server.ts';

/** What a test finds: a hub of its own, and the address of the page. */
export interface HubPage {
  hub: TestHub;
  url: string;
  /** Cuts all connections. */
  cut: () => void;
}

/**
 * Builds the page before the tests of a file, and serves it to each of them.
 * @param files of the hub
 */
export function useHubPage(files: () => Record<string, Uint8Array>): HubPage {
  let folder = '';
  let server: HubServer | undefined;
  const found: HubPage = { hub: new TestHub(new Map()), url: '', cut: () => server?.cut() };
  test.beforeAll(async () => {
    folder = await buildHubPage();
  });
  test.afterAll(() => rm(folder, { recursive: true, force: true }));
  test.beforeEach(async () => {
    server = await serveHubPage(folder, files());
    Object.assign(found, { hub: server.hub, url: server.url });
  });
  test.afterEach(() => server?.close());
  return found;
}
