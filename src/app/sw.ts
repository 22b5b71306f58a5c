// The service worker: the page's files for visits without a network. Weights are not its business; the engine keeps them.

import { ShellCache, type ShellFile } from './shell-cache.ts';

/** As much of the worker's world as is used here: TypeScript has it apart from a page's. */
interface WorkerWorld {
  /** The build puts the list of files here. */
  readonly __WB_MANIFEST: readonly (Partial<ShellFile> & { url: string })[];
  readonly registration: { readonly scope: string };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: Extendable) => void): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetching) => void): void;
}

interface Extendable {
  waitUntil(work: Promise<unknown>): void;
}

interface Fetching extends Extendable {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

declare const self: WorkerWorld;

const shell = new ShellCache({
  scope: self.registration.scope,
  // oxlint-disable-next-line no-underscore-dangle -- the name that the build looks for
  files: self.__WB_MANIFEST.filter((entry): entry is ShellFile => entry.integrity !== undefined),
  caches,
  fetch: (request) => fetch(request),
});

/** Once in the life of this worker, which ends when nobody has asked it for a while. */
let repaired = false;

// One file that is not as it should be, and this version is not installed: the one before goes on serving.
self.addEventListener('install', (event) => event.waitUntil(shell.fill()));

self.addEventListener('activate', (event) => event.waitUntil(shell.clean()));

// The page asks for this when the person takes the newer version.
self.addEventListener('message', ({ data }) => {
  if ((data as { type?: unknown } | null)?.type === 'SKIP_WAITING') void self.skipWaiting();
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  // A request past all caches passes this one, too: the page that resets it makes such requests.
  if (request.method !== 'GET' || request.cache === 'reload' || request.cache === 'no-store') return;
  const file = shell.find(request.url);
  if (!file) return;
  event.respondWith(shell.serve(file, request));
  if (request.mode === 'navigate' && !repaired) {
    repaired = true;
    event.waitUntil(shell.repair());
  }
});
