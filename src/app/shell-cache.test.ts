import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { formerCacheName, ShellCache, shellCacheName } from './shell-cache.ts';

const SCOPE = 'https://example.org/app/';
const TYPES: Record<string, string> = { html: 'text/html', js: 'text/javascript', css: 'text/css', png: 'image/png' };

/** Caches in memory, as far as the shell uses them. */
class MemoryCaches {
  readonly stores = new Map<string, Map<string, Response>>();

  open(name: string): Promise<unknown> {
    const store = this.stores.get(name) ?? new Map<string, Response>();
    this.stores.set(name, store);
    return Promise.resolve({
      match: async (key: string) => store.get(key)?.clone(),
      put: async (key: string, response: Response) => void store.set(key, response),
      keys: async () => [...store.keys()].map((url) => new Request(url)),
      delete: async (request: Request) => store.delete(request.url),
    });
  }

  async delete(name: string): Promise<boolean> {
    return this.stores.delete(name);
  }
}

type Answer = () => Response | Promise<Response>;

const typeOf = (url: string): string => TYPES[url.split('.').at(-1) ?? ''] ?? '';
const good = (url: string, text: string): Answer => {
  return () => new Response(text, { headers: { 'content-type': typeOf(url), 'content-encoding': 'identity' } });
};

let caches: MemoryCaches;
let answers: Map<string, Answer>;
let asked: Request[];

beforeEach(() => {
  caches = new MemoryCaches();
  answers = new Map();
  asked = [];
});

/** A version of the page, on a server that has it. */
function version(files: Record<string, string>): ShellCache {
  for (const [url, text] of Object.entries(files)) answers.set(url, good(url, text));
  return new ShellCache({
    scope: SCOPE,
    files: Object.entries(files).map(([url, text]) => ({
      url,
      integrity: `sha256-${createHash('sha256').update(text).digest('base64')}`,
    })),
    caches: caches as unknown as CacheStorage,
    fetch: async (request) => {
      asked.push(request);
      const answer = answers.get(request.url.slice(SCOPE.length));
      if (!answer) throw new TypeError('Failed to fetch');
      // As browsers do: an abort ends the wait for the answer.
      const aborted = new Promise<never>((_, reject) => {
        request.signal.addEventListener('abort', () => reject(request.signal.reason as Error));
      });
      return Promise.race([answer(), aborted]);
    },
    deadlineMs: 50,
  });
}

const ONE = { 'index.html': '<p>one', 'assets/a-1.js': 'one()', 'icons/x.png': 'png' };

/** The page that a person gets. */
async function read(shell: ShellCache, url: string): Promise<string> {
  const address = `${SCOPE}${url}`;
  const file = shell.find(address);
  if (!file) return 'not of the shell';
  return (await shell.serve(file, new Request(address))).text();
}

describe('ShellCache', () => {
  it('keeps every file, past the browser’s own cache, and serves them without a network', async () => {
    const shell = version(ONE);
    await shell.fill();
    expect(asked.map(({ cache }) => cache)).toEqual(['reload', 'reload', 'reload']);
    answers.clear();
    expect(await read(shell, 'assets/a-1.js')).toBe('one()');
    expect(await read(shell, '?x=1#y')).toBe('<p>one');
    expect(await read(shell, 'index.html?model=z')).toBe('<p>one');
    expect(await read(shell, 'models/m.bin')).toBe('not of the shell');
    const file = shell.find(`${SCOPE}index.html`)!;
    const { headers } = await shell.serve(file, new Request(`${SCOPE}index.html`));
    expect(Object.fromEntries(headers)).toEqual({ 'content-type': 'text/html' });
  });

  const WRONG: Record<string, Answer> = {
    'HTML for a script': () => new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } }),
    'half of the file': () => new Response('one', { headers: { 'content-type': 'text/javascript' } }),
    'another type': () => new Response('one()', { headers: { 'content-type': 'text/plain' } }),
    'no type': () => new Response(new TextEncoder().encode('one()')),
    '404': () => new Response('one()', { status: 404, headers: { 'content-type': 'text/javascript' } }),
    '206': () => new Response('one()', { status: 206, headers: { 'content-type': 'text/javascript' } }),
    '500': () => new Response('one()', { status: 500 }),
    'no network': () => Promise.reject(new TypeError('Failed to fetch')),
    'nothing, ever': () => new Promise<Response>(() => undefined),
  };

  it.each(Object.entries(WRONG))('is not filled by %s, and is once that is mended', async (_, wrong) => {
    const shell = version(ONE);
    answers.set('assets/a-1.js', wrong);
    await expect(shell.fill()).rejects.toThrow();
    answers.set('assets/a-1.js', good('a.js', 'one()'));
    await shell.fill();
    answers.clear();
    expect(await read(shell, 'assets/a-1.js')).toBe('one()');
  });

  it.each(Object.entries(WRONG))('keeps the version before where the next meets %s', async (_, wrong) => {
    const first = version(ONE);
    await first.fill();
    const second = version({ ...ONE, 'index.html': '<p>two', 'assets/a-2.js': 'two()' });
    answers.set('assets/a-2.js', wrong);
    await expect(second.fill()).rejects.toThrow();
    answers.clear();
    for (const [url, text] of Object.entries(ONE)) expect(await read(first, url)).toBe(text);
  });

  it('asks for no more than what changed, and deletes what no file of the new version is', async () => {
    await version(ONE).fill();
    caches.stores.set(formerCacheName(SCOPE), new Map());
    caches.stores.set('of another page', new Map());
    asked.length = 0;
    const second = version({ ...ONE, 'index.html': '<p>two' });
    await second.fill();
    expect(asked.map(({ url }) => url)).toEqual([`${SCOPE}index.html`]);
    await second.clean();
    expect(caches.stores.get(shellCacheName(SCOPE))?.size).toBe(3);
    expect([...caches.stores.keys()]).toEqual([shellCacheName(SCOPE), 'of another page']);
  });

  it('never serves what rotted in the cache, whatever it is, and mends it', async () => {
    const shell = version(ONE);
    await shell.fill();
    const store = caches.stores.get(shellCacheName(SCOPE))!;
    const keys = [...store.keys()];
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2),
        fc.string(),
        fc.constantFrom('text/html', 'text/javascript'),
        async (n, text, type) => {
          const url = Object.keys(ONE)[n]!;
          store.set(keys[n]!, new Response(text, { headers: { 'content-type': type } }));
          expect(await read(shell, url)).toBe(Object.values(ONE)[n]);
          answers.delete(url);
          expect(await read(shell, url)).toBe(Object.values(ONE)[n]);
          answers.set(url, good(url, Object.values(ONE)[n]!));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('mends all at once, as far as the server has them', async () => {
    const shell = version(ONE);
    await shell.fill();
    const store = caches.stores.get(shellCacheName(SCOPE))!;
    const keys = [...store.keys()];
    store.clear();
    answers.set('assets/a-1.js', WRONG['500']!);
    await shell.repair();
    expect([...store.keys()]).toEqual([keys[0], keys[2]]);
  });

  it('asks the server plainly where it has another version of what is missing', async () => {
    const shell = version(ONE);
    answers.set('index.html', good('index.html', '<p>two'));
    expect(await read(shell, 'index.html')).toBe('<p>two');
    expect(caches.stores.get(shellCacheName(SCOPE))?.size ?? 0).toBe(0);
  });
});
