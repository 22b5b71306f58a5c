// The library in a page of its own, and a server that speaks the Hub's paths beside it.

import { readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { test } from '@playwright/test';
import { build } from 'vite';
import { TestHub } from '../src/storage/test-hub.ts';

const DIST = join(tmpdir(), `bamba-hub-${process.pid}`);
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };

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
  let server: Server;
  const found: HubPage = { hub: new TestHub(new Map()), url: '', cut: () => server.closeAllConnections() };
  test.beforeAll(() =>
    build({
      configFile: false,
      logLevel: 'error',
      root: join(import.meta.dirname, 'hub'),
      base: './',
      publicDir: false,
      worker: { format: 'es' },
      build: { outDir: DIST, emptyOutDir: true, target: 'es2023' },
    }),
  );
  test.afterAll(() => rm(DIST, { recursive: true, force: true }));
  test.beforeEach(async () => {
    found.hub = new TestHub(new Map(Object.entries(files())));
    server = createServer((request, response) => {
      if (found.hub.handle(request, response)) return;
      const path = request.url === '/' ? '/index.html' : (request.url ?? '');
      void readFile(join(DIST, path)).then(
        (bytes) => response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'text/plain' }).end(bytes),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    found.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  test.afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return found;
}
