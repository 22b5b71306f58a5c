// The library in a page of its own, and a server that speaks the Hub's paths beside it: for any runner and any browser.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { build } from 'vite';
import { TestHub } from '../src/testing/servers/test-hub.ts';

const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };

/** Builds the page of e2e/hub. @returns its folder, for the caller to remove */
export async function buildHubPage(): Promise<string> {
  const folder = join(tmpdir(), `bamba-hub-${process.pid}`);
  await build({
    configFile: false,
    logLevel: 'error',
    root: join(import.meta.dirname, 'hub'),
    base: './',
    publicDir: false,
    worker: { format: 'es' },
    build: { outDir: folder, emptyOutDir: true, target: 'es2023' },
  });
  return folder;
}

/** A page with the library and its hub, on a port of their own. */
export interface HubServer {
  readonly hub: TestHub;
  readonly url: string;
  /** Cuts all connections. */
  cut(): void;
  close(): Promise<void>;
}

/** Serves the page in `folder` beside a hub with these files. */
export async function serveHubPage(folder: string, files: Record<string, Uint8Array>): Promise<HubServer> {
  const hub = new TestHub(new Map(Object.entries(files)));
  const server = createServer((request, response) => {
    if (hub.handle(request, response)) return;
    const path = request.url === '/' ? '/index.html' : (request.url ?? '');
    void readFile(join(folder, path)).then(
      (bytes) => response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'text/plain' }).end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    hub,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    cut: () => server.closeAllConnections(),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
