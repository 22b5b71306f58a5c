// A server of the built page that remembers what it was asked for, and can stop serving models: what a second visit
// takes from the network, counted where nothing can go past.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const ROOT = join(import.meta.dirname, '../dist');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.bin': 'application/octet-stream',
};

/** A server on a port of its own. */
export interface PageServer {
  readonly url: string;
  /** Paths that were asked for, refused ones included; emptied by whoever begins to count. */
  readonly requests: string[];
  /** From now on every request for a part of a model finds nobody: its connection is cut. */
  stopServingModels(): void;
  close(): Promise<void>;
}

/** Serves the build of the page. */
export async function servePage(): Promise<PageServer> {
  const requests: string[] = [];
  let stopped = false;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    requests.push(pathname);
    if (stopped && pathname.startsWith('/models/')) {
      request.socket.destroy();
      return;
    }
    const path = normalize(join(ROOT, pathname.endsWith('/') ? `${pathname}index.html` : pathname));
    void (path.startsWith(ROOT) ? readFile(path) : Promise.reject(new Error('outside'))).then(
      (bytes) => response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'text/plain' }).end(bytes),
      () => response.writeHead(404).end('Not found'),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The system gave no port.');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    requests,
    stopServingModels() {
      stopped = true;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
