import { BambaError } from '../errors.ts';
import { aborted, throwIfAborted } from '../weights/abort.ts';
import type { BlobEntry } from '../weights/manifest.ts';
import { sha256Hex } from '../weights/sha256.ts';

/** How to fetch: `fetch` itself, or what a test puts in its place. */
export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

export interface DownloadOptions {
  fetch: Fetch;
  signal: AbortSignal | undefined;
  /** Bytes that came; a negative number takes back those of an attempt that failed. */
  onBytes: (bytes: number) => void;
  /** Pause before the second attempt. */
  retryDelayMs: number;
}

const ATTEMPTS = 2;

/**
 * Fetches one file of a package, verified; once more where the first attempt fails in any way.
 * @throws BambaError `shard_corrupt` where the bytes differ from what the manifest says, `network`, `aborted`.
 */
export async function downloadBlob(
  url: URL,
  entry: BlobEntry,
  options: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  for (let attempt = 1; ; attempt++) {
    let received = 0;
    try {
      return await attemptDownload(url, entry, {
        ...options,
        onBytes(bytes) {
          received += bytes;
          options.onBytes(bytes);
        },
      });
    } catch (error) {
      options.onBytes(-received);
      if (options.signal?.aborted) throw aborted(options.signal);
      if (attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, options.retryDelayMs));
      throwIfAborted(options.signal);
    }
  }
}

async function attemptDownload(
  url: URL,
  entry: BlobEntry,
  { fetch, signal, onBytes }: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  // Stored by us, so not a second time in the browser's own cache.
  const response = await request(fetch, url, { cache: 'no-store', ...(signal && { signal }) });
  if (isWebPage(response)) throw corrupt(entry, 'the server answered with a web page in its place');
  const bytes = new Uint8Array(entry.bytes);
  let filled = 0;
  for await (const chunk of readBody(response, url)) {
    if (filled + chunk.length > bytes.length) throw corrupt(entry, `it is longer than its ${entry.bytes} bytes`);
    bytes.set(chunk, filled);
    filled += chunk.length;
    onBytes(chunk.length);
  }
  await verifyBlob(bytes.subarray(0, filled), entry);
  return bytes;
}

/**
 * Sends a request and insists on success.
 * @throws BambaError `network`.
 */
export async function request(fetch: Fetch, url: URL, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (cause) {
    throw new BambaError('network', `${url.href} cannot be reached. Check the connection and load again.`, { cause });
  }
  if (response.ok) return response;
  await response.body?.cancel().catch(() => {});
  const { status } = response;
  const hint = status === 404 ? 'Check the address of the model.' : 'Try again later.';
  throw new BambaError('network', `${url.href} gave the answer ${status}. ${hint}`);
}

/** Chunks of a body; a connection that breaks off is an error of ours. */
export async function* readBody(response: Response, url: URL): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (cause) {
    throw new BambaError('network', `The connection broke off while ${url.href} was loading. Load again to go on.`, {
      cause,
    });
  } finally {
    // Also where the consumer stops early: the rest is not wanted.
    await reader.cancel().catch(() => {});
  }
}

/** Whether a server sent HTML, as many do with status 200 for any address, and Wi-Fi portals for all. */
export function isWebPage(response: Response): boolean {
  return response.headers.get('content-type')?.toLowerCase().startsWith('text/html') ?? false;
}

/**
 * Compares bytes with what the manifest says of them.
 * @throws BambaError `shard_corrupt`.
 */
export async function verifyBlob(bytes: Uint8Array<ArrayBuffer>, entry: BlobEntry): Promise<void> {
  if (bytes.length !== entry.bytes) throw corrupt(entry, `it has ${bytes.length} bytes, not ${entry.bytes}`);
  if ((await sha256Hex(bytes)) !== entry.sha256) throw corrupt(entry, 'its SHA-256 differs from the manifest');
}

function corrupt(entry: BlobEntry, reason: string): BambaError {
  return new BambaError(
    'shard_corrupt',
    `${entry.file} is damaged: ${reason}. Load again; if it stays so, the package on the server has to be replaced.`,
  );
}
