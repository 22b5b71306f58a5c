import { BambaError } from '../errors.ts';

/** How to fetch: `fetch` itself, or what a test puts in its place. */
export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

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
