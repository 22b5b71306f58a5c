import { BambaError } from '../../errors.ts';
import { aborted } from '../../weights/abort.ts';
import { type Manifest, MANIFEST_FILE, MAX_MANIFEST_BYTES, parseManifest } from '../../weights/manifest.ts';
import type { Clock } from '../store/clock.ts';
import { type Fetch, isWebPage } from './fetch.ts';
import { HttpBody } from './http-body.ts';
import { Retry } from './retry.ts';
import type { PackageStore } from '../store/store.ts';

/**
 * The folder of a package as an absolute URL with a slash at its end: what a package is known by.
 * @throws BambaError `network` for what is no address.
 */
export function packageUrl(url: string): URL {
  const page = typeof location === 'undefined' ? undefined : location.href;
  try {
    const folder = new URL(url, page);
    folder.hash = '';
    folder.search = '';
    if (folder.pathname.endsWith(`/${MANIFEST_FILE}`))
      folder.pathname = folder.pathname.slice(0, -MANIFEST_FILE.length);
    if (!folder.pathname.endsWith('/')) folder.pathname += '/';
    return folder;
  } catch (cause) {
    throw new BambaError('network', `${JSON.stringify(url)} is not the address of a package.`, { cause });
  }
}

interface ManifestOptions {
  fetch: Fetch;
  clock: Clock;
  signal: AbortSignal | undefined;
  onWait: (message: string) => void;
  /** How long a stored manifest waits for the network's. */
  timeoutMs: number;
}

/** Where none is stored. Fewer than for weights: the address may be another's, who has no manifest. */
const ATTEMPTS = 3;

/**
 * The network's manifest, or the stored one where the network gives none. So a loaded model works offline, behind a Wi-Fi
 * portal that answers everything with its own page, and after its server is gone.
 * @throws BambaError what went wrong with the network's, where none is stored; `aborted`.
 */
export async function fetchManifest(
  base: URL,
  store: PackageStore | null,
  { signal, timeoutMs, ...options }: ManifestOptions,
): Promise<Manifest> {
  const stored = (await store?.manifest(base.href).catch(() => null)) ?? null;
  const signals = [signal, stored ? AbortSignal.timeout(timeoutMs) : undefined].filter((one) => one !== undefined);
  try {
    const attempts = stored ? 1 : ATTEMPTS;
    return await download(new URL(MANIFEST_FILE, base), { ...options, attempts, signal: AbortSignal.any(signals) });
  } catch (error) {
    if (signal?.aborted) throw aborted(signal);
    if (stored) return stored;
    throw error;
  }
}

async function download(
  url: URL,
  options: { fetch: Fetch; clock: Clock; signal: AbortSignal; onWait: (message: string) => void; attempts: number },
): Promise<Manifest> {
  const { signal } = options;
  const retry = new Retry(options);
  for (;;) {
    try {
      const body = await HttpBody.open({ ...options, url, headers: {} });
      try {
        return parseManifest(await readManifest(url, body, signal));
      } finally {
        body.close();
      }
    } catch (fault) {
      await retry.after(fault);
    }
  }
}

async function readManifest(url: URL, body: HttpBody, signal: AbortSignal): Promise<Uint8Array> {
  const invalid = (problem: string) => new BambaError('manifest_invalid', `${url.href} ${problem}.`);
  if (body.response.status === 404) {
    throw new BambaError('network', `${url.href} gave the answer 404. Check the address of the model.`);
  }
  if (isWebPage(body.response)) {
    throw invalid('is a web page, not the manifest of a package. Check the address of the model');
  }
  return body.all(signal, MAX_MANIFEST_BYTES, () => invalid('is too long for a manifest'));
}
