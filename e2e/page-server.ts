// A server of the built page that remembers what it was asked for, and can serve a file as a later version has it: what a
// second visit takes from the network, counted where nothing can go past.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const ROOT = join(import.meta.dirname, '../dist');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
  '.json': 'application/json',
  '.bin': 'application/octet-stream',
};

/** A server on a port of its own. */
export interface PageServer {
  readonly url: string;
  /** Paths that were asked for, refused ones included; emptied by whoever begins to count. */
  readonly requests: string[];
  /** From now on a file ends with some more text. */
  append(path: string, text: string): void;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Serves the build of the page. */
export async function servePage(): Promise<PageServer> {
  const requests: string[] = [];
  const appended = new Map<string, string>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    requests.push(pathname);
    const path = normalize(join(ROOT, pathname.endsWith('/') ? `${pathname}index.html` : pathname));
    void (path.startsWith(ROOT) ? readFile(path) : Promise.reject(new Error('outside'))).then(
      (bytes) =>
        response
          .writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'text/plain' })
          .end(Buffer.concat([bytes, Buffer.from(appended.get(pathname) ?? '')])),
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
    append(path, text) {
      appended.set(path, text);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
