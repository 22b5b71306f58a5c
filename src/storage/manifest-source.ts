import { BambaError } from '../errors.ts';
import { aborted } from '../weights/abort.ts';
import { type Manifest, MANIFEST_FILE, MAX_MANIFEST_BYTES, parseManifest } from '../weights/manifest.ts';
import { type Fetch, isWebPage, readBody, request } from './fetch.ts';
import type { PackageStore } from './store.ts';

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

/**
 * The network's manifest; the stored one where the network gives none, so that a model once loaded works offline, behind
 * a Wi-Fi portal that answers everything with its own page, and after its server is gone.
 * @throws BambaError what went wrong with the network's, where none is stored; `aborted`.
 */
export async function fetchManifest(
  base: URL,
  store: PackageStore | null,
  { fetch, signal, timeoutMs }: { fetch: Fetch; signal: AbortSignal | undefined; timeoutMs: number },
): Promise<Manifest> {
  const stored = (await store?.manifest(base.href).catch(() => null)) ?? null;
  const signals = [signal, stored ? AbortSignal.timeout(timeoutMs) : undefined].filter((one) => one !== undefined);
  try {
    return await download(new URL(MANIFEST_FILE, base), fetch, AbortSignal.any(signals));
  } catch (error) {
    if (signal?.aborted) throw aborted(signal);
    if (stored) return stored;
    throw error;
  }
}

async function download(url: URL, fetch: Fetch, signal: AbortSignal): Promise<Manifest> {
  const response = await request(fetch, url, { cache: 'no-cache', signal });
  if (isWebPage(response)) {
    await response.body?.cancel().catch(() => {});
    throw new BambaError(
      'manifest_invalid',
      `${url.href} is a web page, not the manifest of a package. Check the address of the model.`,
    );
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of readBody(response, url)) {
    length += chunk.length;
    if (length > MAX_MANIFEST_BYTES) {
      throw new BambaError('manifest_invalid', `${url.href} is too long for a manifest.`);
    }
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let filled = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return parseManifest(bytes);
}
