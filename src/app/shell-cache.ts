// The files of the page that are kept for visits without a network, each with the hash that it must have. Each file is
// checked before it is kept, and again before it is served. So a login page in the place of a script, half a file or a
// rotten entry is never served, and never stays.

/** A file of the page, as the build lists it. */
export interface ShellFile {
  /** Relative to the page's folder. */
  url: string;
  /** `sha256-` and the hash in base64, as Subresource Integrity writes it. Another length has another hash. */
  integrity: string;
}

/** Longest wait for one file, its body included. */
const DEADLINE_MS = 30_000;

/** The types without which browsers refuse to run or to show a file. */
const TYPES: readonly (readonly [file: RegExp, type: RegExp])[] = [
  [/\.js$/, /^(?:text|application)\/(?:x-)?(?:java|ecma)script\b/],
  [/\.css$/, /^text\/css\b/],
  [/\.html$/, /^text\/html\b/],
  [/\.svg$/, /^image\/svg\+xml\b/],
];

/** Headers that say how the bytes came; what is kept is the bytes themselves. */
const OF_TRANSFER = ['content-encoding', 'content-length', 'transfer-encoding'];

/** The parts that the cache works with; a test brings its own. */
export interface ShellParts {
  /** Where files are relative to: the service worker's scope. */
  scope: string;
  files: readonly ShellFile[];
  caches: CacheStorage;
  fetch: (request: Request) => Promise<Response>;
  deadlineMs?: number;
}

/** The files of one version of the page. */
export class ShellCache {
  readonly #parts: ShellParts;
  readonly #files: ReadonlyMap<string, ShellFile>;

  constructor(parts: ShellParts) {
    this.#parts = parts;
    this.#files = new Map(parts.files.map((file) => [new URL(file.url, parts.scope).href, file]));
  }

  /** Of the cache that all versions of this page share. */
  get name(): string {
    return shellCacheName(this.#parts.scope);
  }

  /** The file that an address asks for, whatever it says after `?` and `#`. */
  find(address: string): ShellFile | undefined {
    const url = new URL(address);
    url.search = '';
    url.hash = '';
    return this.#files.get(url.pathname.endsWith('/') ? new URL('index.html', url).href : url.href);
  }

  /**
   * Keeps what is not there yet, or not as it should be.
   *
   * @throws Error with the file that cannot be had as it should be; what is there of other versions is left as it is
   */
  async fill(): Promise<void> {
    for (const file of this.#files.values()) {
      if (!(await this.#kept(file))) await this.#renew(file);
    }
  }

  /** Brings back what is missing or wrong, as far as the network has it. Never rejects. */
  async repair(): Promise<void> {
    for (const file of this.#files.values()) {
      try {
        if (!(await this.#kept(file))) await this.#renew(file);
      } catch {
        // Without a network, or with a newer version on the server: another visit.
      }
    }
  }

  /**
   * The answer to a request for a file: as it is kept, else from the network, where it is kept anew. A server that has
   * something else is asked for it as if there were no cache: it may have a newer version.
   */
  async serve(file: ShellFile, request: Request): Promise<Response> {
    try {
      return (await this.#kept(file)) ?? (await this.#renew(file));
    } catch {
      return this.#parts.fetch(request);
    }
  }

  /** Deletes what no file of this version is kept under. */
  async clean(): Promise<void> {
    const cache = await this.#parts.caches.open(this.name);
    const keys = new Set([...this.#files.values()].map((file) => this.#key(file)));
    for (const request of await cache.keys()) if (!keys.has(request.url)) await cache.delete(request);
    await this.#parts.caches.delete(formerCacheName(this.#parts.scope));
  }

  /** Two versions of a file lie side by side. */
  #key({ url, integrity }: ShellFile): string {
    return `${new URL(url, this.#parts.scope).href}?${new URLSearchParams({ integrity }).toString()}`;
  }

  async #kept(file: ShellFile): Promise<Response | undefined> {
    const cache = await this.#parts.caches.open(this.name);
    const response = await cache.match(this.#key(file));
    return response && (await verified(response, file));
  }

  async #renew(file: ShellFile): Promise<Response> {
    const { caches, deadlineMs = DEADLINE_MS, fetch, scope } = this.#parts;
    const address = new URL(file.url, scope);
    // Past the browser's own cache, which may have kept what is wrong.
    const request = new Request(address, {
      cache: 'reload',
      credentials: 'same-origin',
      signal: AbortSignal.timeout(deadlineMs),
    });
    const response = await verified(await fetch(request), file);
    if (!response) throw new Error(`The server has something else than ${file.url} of this version.`);
    const cache = await caches.open(this.name);
    await cache.put(this.#key(file), response.clone());
    return response;
  }
}

/** Of the files of the page at an address. A site may have several pages, each with its own. */
export function shellCacheName(scope: string): string {
  return `bamba-web-shell ${scope}`;
}

/** Of the same in versions before this one, which did not look at what they kept. */
export function formerCacheName(scope: string): string {
  return `workbox-precache-v2-${scope}`;
}

/** The response, once its status, its type and every byte are right; else undefined. */
async function verified(response: Response, file: ShellFile): Promise<Response | undefined> {
  const headers = new Headers(response.headers);
  const [, type] = TYPES.find(([name]) => name.test(file.url)) ?? [];
  if (response.status !== 200 || (type && !type.test(headers.get('content-type') ?? ''))) return undefined;
  const bytes = await response.arrayBuffer();
  if ((await integrityOf(bytes)) !== file.integrity) return undefined;
  for (const header of OF_TRANSFER) headers.delete(header);
  return new Response(bytes, { headers });
}

async function integrityOf(bytes: ArrayBuffer): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return `sha256-${btoa(String.fromCharCode(...hash))}`;
}
