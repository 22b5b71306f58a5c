import { BambaError } from '../../errors.ts';
import { aborted, abortable, throwIfAborted } from '../../weights/abort.ts';
import { type Clock, withTimeout } from '../store/clock.ts';
import { type Fetch, isWebPage } from './fetch.ts';
import { CutFault, pauseAskedFor, TransientFault } from './retry.ts';

/** A request to a server. */
export interface HttpRequest {
  fetch: Fetch;
  clock: Clock;
  url: URL;
  headers: Record<string, string>;
  signal: AbortSignal | undefined;
}

/** A server that sends nothing for so long has forgotten about us. */
const STALL_MS = 30_000;

/** An answer, with its body to be taken piece by piece. Has to be closed. */
export class HttpBody {
  readonly response: Response;
  readonly #request: HttpRequest;
  readonly #stop: AbortController;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;

  private constructor(response: Response, request: HttpRequest, stop: AbortController) {
    this.response = response;
    this.#request = request;
    this.#stop = stop;
  }

  /**
   * Sends a request and waits for the head of the answer.
   * @throws TransientFault for what may pass: no connection, no answer in time, 408, 429, 5xx. BambaError
   * `access_denied`, `network` for other failures, `aborted`. A status of 404 or 416 is for the caller to judge.
   */
  static async open(request: HttpRequest): Promise<HttpBody> {
    const { fetch, clock, url, headers, signal } = request;
    throwIfAborted(signal);
    // The body may outlive the request's signal: others read on where this reader stopped.
    const stop = new AbortController();
    const init = { headers, signal: stop.signal, cache: 'no-store' } as const;
    let response: Response;
    try {
      const answer = withTimeout(fetch(url, init), clock, STALL_MS, () => stalled(url));
      response = await abortable(answer, signal);
    } catch (cause) {
      stop.abort();
      if (signal?.aborted) throw aborted(signal);
      if (cause instanceof TransientFault) throw cause;
      throw await unreachable(request, cause);
    }
    if (response.ok || response.status === 404 || response.status === 416) {
      return new HttpBody(response, request, stop);
    }
    stop.abort();
    throw faultOf(response, url, clock);
  }

  /** @throws BambaError `network` for HTML, which no file of a model is. */
  refuseWebPage(): void {
    if (!isWebPage(this.response)) return;
    this.close();
    const { url } = this.#request;
    throw new BambaError(
      'network',
      `${url.href} is answered with a web page in place of the file. Sign in to the network you are on, or check the address.`,
    );
  }

  /** The next bytes; null at the end. @throws TransientFault when the connection breaks off or stalls; `aborted`. */
  async next(signal: AbortSignal | undefined): Promise<Uint8Array | null> {
    const { url, clock } = this.#request;
    this.#reader ??= this.response.body?.getReader() ?? null;
    if (!this.#reader) return null;
    throwIfAborted(signal);
    try {
      const chunk = withTimeout(this.#reader.read(), clock, STALL_MS, () => stalled(url));
      const { done, value } = await abortable(chunk, signal);
      return done ? null : value;
    } catch (cause) {
      this.close();
      if (signal?.aborted) throw aborted(signal);
      if (cause instanceof TransientFault) throw cause;
      throw new CutFault(`The connection to ${url.host} broke off. Load again to go on where it stopped.`, { cause });
    }
  }

  /**
   * All of it, of a small file.
   * @param tooLong the error for more than `most` bytes
   * @throws as `next`.
   */
  async all(signal: AbortSignal | undefined, most: number, tooLong: () => Error): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: BlobPart[] = [];
    let length = 0;
    for (let chunk = await this.next(signal); chunk; chunk = await this.next(signal)) {
      length += chunk.length;
      if (length > most) throw tooLong();
      chunks.push(chunk as Uint8Array<ArrayBuffer>);
    }
    return new Uint8Array(await new Blob(chunks).arrayBuffer());
  }

  /** Ends the connection, if there is more to come. */
  close(): void {
    this.#stop.abort();
  }
}

/**
 * The fault of a request without an answer. Browsers do not tell a server that cannot be reached from one that redirects in
 * a circle: asked again not to follow, the latter answers.
 */
async function unreachable({ fetch, clock, url, headers, signal }: HttpRequest, cause: unknown): Promise<Error> {
  const stop = new AbortController();
  try {
    const init = { headers, signal: stop.signal, cache: 'no-store', redirect: 'manual' } as const;
    const answer = withTimeout(fetch(url, init), clock, STALL_MS, () => stalled(url));
    const { type, status } = await abortable(answer, signal);
    if (type === 'opaqueredirect' || (status >= 300 && status < 400)) {
      const sentence = `${url.href} is redirected in a circle, or to a place that cannot be reached. Check the address, and the connection.`;
      const isCircle = /redirect count/.test(String((cause as Error).cause));
      return isCircle ? new BambaError('network', sentence, { cause }) : new TransientFault(sentence, { cause });
    }
  } catch {
    if (signal?.aborted) return aborted(signal);
  } finally {
    stop.abort();
  }
  return new TransientFault(`${url.host} cannot be reached. Check the connection.`, { cause });
}

function stalled(url: URL): TransientFault {
  return new TransientFault(`${url.host} does not answer. Load again to go on.`);
}

function faultOf(response: Response, url: URL, clock: Clock): Error {
  const { status } = response;
  if (status === 401 || status === 403) {
    return new BambaError(
      'access_denied',
      `${url.host} does not give access to ${url.pathname} (status ${status}). Check the name; for a gated or private ` +
        'repository accept its terms on its page and give an access token.',
    );
  }
  const sentence = `${url.host} answered with status ${status}.`;
  const passes = status === 408 || status === 425 || status === 429 || status >= 500;
  if (!passes) return new BambaError('network', sentence);
  return new TransientFault(sentence, { retryAfterMs: pauseAskedFor(response.headers.get('retry-after'), clock) });
}
