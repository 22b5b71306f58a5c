import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../storage/store/clock.ts';

// A server that speaks the Hub's paths, with files from memory and faults at will, for tests.

/** Answers a request for a file in its own way; true where it did. `attempt` counts the requests for it, from 1. */
export type HubFault = (file: string, request: IncomingMessage, response: ServerResponse, attempt: number) => boolean;

/** One repository, `org/name`. */
export class TestHub {
  /** What `main` points to. */
  commit: string;
  files: Map<string, Uint8Array>;
  /** What its list of files says that there is, where that is something else. */
  listed: Map<string, Uint8Array> | null = null;
  fault: HubFault = () => false;
  /** Files that were asked for, with their ranges. */
  readonly requests: string[] = [];
  /** Bytes of files that may still be sent; then connections are cut, and no more accepted. */
  allowance = Infinity;
  /** Bytes of files that are sent before the server falls silent, all connections open, until it is told to go on. */
  held = Infinity;
  readonly #silent: (() => void)[] = [];
  /** Bytes of files that were sent. */
  sent = 0;
  /** Demanded in the header `authorization`. */
  token: string | null = null;

  constructor(files: Map<string, Uint8Array>, commit = '0123456789abcdef0123456789abcdef01234567') {
    this.files = files;
    this.commit = commit;
  }

  /** Sends on, up to so many bytes. */
  goOn(bytes = Infinity): void {
    this.held = bytes;
    for (const send of this.#silent.splice(0)) send();
  }

  /** Answers a request for one of the Hub's paths; false for any other. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (!/^\/(api\/models|org|cdn|plain)\//.test(pathname)) return false;
    if (this.allowance <= 0) {
      request.socket.destroy();
      return true;
    }
    if (
      this.token !== null &&
      !pathname.startsWith('/cdn/') &&
      request.headers.authorization !== `Bearer ${this.token}`
    ) {
      response.writeHead(401).end();
      return true;
    }
    const listing = /^\/api\/models\/org\/name\/revision\/(.+)$/.exec(pathname);
    if (listing) this.#list(decodeURIComponent(listing[1]!), response);
    else if (pathname.startsWith('/org/name/resolve/')) this.#resolve(pathname, response);
    else this.#send(pathname.replace(/^\/cdn\/[^/]+\/|^\/plain\//, ''), request, response);
    return true;
  }

  #list(revision: string, response: ServerResponse): void {
    if (revision !== 'main' && revision !== this.commit) {
      response.writeHead(404).end('{"error":"Revision Not Found"}');
      return;
    }
    const siblings = [...(this.listed ?? this.files)].map(([rfilename, bytes]) => {
      const sha256 = hash(bytes);
      const large = rfilename.endsWith('.safetensors');
      return {
        rfilename,
        size: bytes.length,
        blobId: sha256.slice(0, 40),
        ...(large && { lfs: { sha256, size: bytes.length } }),
      };
    });
    this.requests.push('listing');
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ id: 'org/name', sha: this.commit, gated: false, siblings }));
  }

  /** As the real one, which keeps files elsewhere. */
  #resolve(pathname: string, response: ServerResponse): void {
    const [commit, ...path] = pathname.slice('/org/name/resolve/'.length).split('/');
    const file = path.join('/');
    const found = commit === this.commit && this.files.has(file);
    response.writeHead(found ? 302 : 404, {
      'x-repo-commit': this.commit,
      ...(found && { location: `/cdn/${this.commit}/${file}` }),
    });
    response.end();
  }

  #send(file: string, request: IncomingMessage, response: ServerResponse): void {
    const body = this.files.get(file);
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const head = asksForLength(request);
    if (!head) this.requests.push(range ? `${file} ${range[1]}-${range[2]}` : file);
    const attempt = this.requests.filter((other) => other.split(' ')[0] === file).length;
    if (body && this.fault(file, request, response, attempt)) return;
    if (!body) {
      response.writeHead(404).end();
      return;
    }
    const begin = Number(range?.[1] ?? 0);
    if (range && begin >= body.length) {
      response.writeHead(416).end();
      return;
    }
    const end = Math.min(body.length, Number(range?.[2] || body.length) + 1);
    response.writeHead(range ? 206 : 200, {
      etag: etagOf(body),
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
      'content-length': String(end - begin),
      ...(range && { 'content-range': `bytes ${begin}-${end - 1}/${body.length}` }),
    });
    // Whoever wants the head alone does not wait for the rest.
    if (head) response.flushHeaders();
    else this.#write(body.subarray(begin, end), response);
  }

  /** Sends what the allowance lets pass, piece by piece, and cuts the connection there. */
  #write(bytes: Uint8Array, response: ServerResponse): void {
    if (this.held <= 0) {
      this.#silent.push(() => {
        if (!response.destroyed) this.#write(bytes, response);
      });
      return;
    }
    const piece = bytes.subarray(0, Math.min(65_536, this.allowance, this.held));
    this.sent += piece.length;
    this.allowance -= piece.length;
    this.held -= piece.length;
    const rest = bytes.subarray(piece.length);
    if (rest.length === 0) {
      response.end(piece);
      return;
    }
    response.write(piece, () => {
      if (response.destroyed) return;
      if (this.allowance > 0) this.#write(rest, response);
      else response.destroy();
    });
  }
}

/** What the server gives with a file. */
export function etagOf(bytes: Uint8Array): string {
  return `"${hash(bytes).slice(0, 16)}"`;
}

/** Whether a request is for a file's length, and not for its bytes. */
export function asksForLength({ headers }: IncomingMessage): boolean {
  return headers.range === 'bytes=0-';
}

const hashes = new WeakMap<Uint8Array, string>();

function hash(bytes: Uint8Array): string {
  const known = hashes.get(bytes) ?? createHash('sha256').update(bytes).digest('hex');
  hashes.set(bytes, known);
  return known;
}

/** A server of a hub, alone. */
export async function serveHub(hub: TestHub): Promise<{ endpoint: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    if (!hub.handle(request, response)) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** A clock whose pauses are over at once, and remembered; timeouts, which are long, never come. */
export function testClock(): Clock & { pauses: number[] } {
  const pauses: number[] = [];
  return {
    pauses,
    now: () => Date.UTC(2026, 10, 23),
    sleep: (ms, signal) => {
      if (ms === 30_000) {
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(new Error('not needed any more')));
        });
      }
      pauses.push(ms);
      return Promise.resolve();
    },
  };
}
