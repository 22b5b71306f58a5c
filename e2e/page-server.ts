// A server of the built page. It remembers its requests, serves files of a later version, and makes all the mistakes of
// servers.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
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

/** The answer in the place of a file. */
export const FAULTS = ['html', 'truncated', 'type', '404', '500', 'hung'] as const;
/** One of them. */
export type ServerFault = (typeof FAULTS)[number];

/** A server on a port of its own. */
export interface PageServer {
  readonly url: string;
  /** Paths that were asked for, refused ones included; emptied by whoever begins to count. */
  readonly requests: string[];
  /** From now on a file has these bytes, also one that the build does not have. */
  put(path: string, bytes: Uint8Array): void;
  /** From now on a file ends with some more text. */
  append(path: string, text: string): void;
  /** From now on a file is another one, and the service worker's list has its hash: a later version of the page. */
  revise(path: string, change: (text: string) => string): Promise<void>;
  /** Serves a fault in the place of a file, after so many sound answers; `undefined` mends it, and ends what hangs. */
  spoil(path: string, fault: ServerFault | undefined, after?: number): void;
  /** Whether it answers at all; a context's own "offline" does not reach service workers. */
  online: boolean;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Serves the build of the page. */
export async function servePage(): Promise<PageServer> {
  const requests: string[] = [];
  const put = new Map<string, Uint8Array>();
  const changed = new Map<string, (text: string) => string>();
  const faults = new Map<string, { fault: ServerFault; after: number }>();
  const hanging = new Set<ServerResponse>();
  const fileOf = (pathname: string): string => normalize(join(ROOT, pathname.slice(1)));
  const bytesOf = async (pathname: string): Promise<Buffer> => {
    const path = fileOf(pathname);
    if (!path.startsWith(ROOT)) throw new Error('outside');
    const other = put.get(pathname);
    const bytes = other ? Buffer.from(other) : await readFile(path);
    const change = changed.get(pathname);
    return change ? Buffer.from(change(bytes.toString('utf8'))) : bytes;
  };
  const answer = async (asked: string, response: ServerResponse): Promise<void> => {
    const pathname = asked.endsWith('/') ? `${asked}index.html` : asked;
    const bytes = await bytesOf(pathname);
    const type = TYPES[extname(pathname)] ?? 'text/plain';
    const spoilt = faults.get(pathname);
    switch (spoilt && spoilt.after-- <= 0 ? spoilt.fault : undefined) {
      case 'html':
        response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Log in to this network');
        break;
      case 'truncated':
        response.writeHead(200, { 'content-type': type }).end(bytes.subarray(0, bytes.length >> 1));
        break;
      case 'type':
        response.writeHead(200, { 'content-type': 'text/plain' }).end(bytes);
        break;
      case '404':
        response.writeHead(404).end('Not found');
        break;
      case '500':
        response.writeHead(500).end('Out of order');
        break;
      case 'hung':
        hanging.add(response.writeHead(200, { 'content-type': type }));
        response.write(bytes.subarray(0, 10));
        break;
      default:
        response.writeHead(200, { 'content-type': type }).end(bytes);
    }
  };
  const change = (path: string, next: (text: string) => string): void => {
    const before = changed.get(path) ?? ((text: string) => text);
    changed.set(path, (text) => next(before(text)));
  };
  const state = { online: true };
  const server = createServer((request, response) => {
    if (!state.online) {
      request.socket.destroy();
      return;
    }
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    requests.push(pathname);
    answer(pathname, response).catch(() => response.writeHead(404).end('Not found'));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The system gave no port.');
  return {
    get online() {
      return state.online;
    },
    set online(online) {
      state.online = online;
      if (!online) server.closeAllConnections();
    },
    url: `http://127.0.0.1:${address.port}/`,
    requests,
    put: (path, bytes) => void put.set(path, bytes),
    append: (path, text) => change(path, (before) => before + text),
    async revise(path, next) {
      const before = integrityOf(await bytesOf(path));
      change(path, next);
      const after = integrityOf(await bytesOf(path));
      change('/sw.js', (text) => text.replaceAll(before, after));
    },
    spoil(path, fault, after = 0) {
      if (fault) faults.set(path, { fault, after });
      else faults.delete(path);
      if (fault) return;
      for (const response of hanging) response.destroy();
      hanging.clear();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** As the service worker's list has it. */
function integrityOf(bytes: Buffer): string {
  return `sha256-${createHash('sha256').update(bytes).digest('base64')}`;
}
