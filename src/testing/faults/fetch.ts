// Faults of a network: the n-th thing that a scenario waits for does not come, comes late or comes broken.
//
// What is counted is every answer to a request, and every chunk of its body.

import type { Fetch } from '../../storage/remote/fetch.ts';

/** What happens to one answer or chunk. */
export type NetworkFault =
  /** The connection breaks: before the answer, or in its body. */
  | 'cut'
  /** Nothing comes any more, until whoever waits gives up. */
  | 'silence'
  /** The body ends early, as if that was all. */
  | 'truncate'
  /**
   * One bit of a chunk of weights is another. Of small files the Hub declares no SHA-256: they come as they are. Of an
   * answer, the server says 503.
   */
  | 'damage';

/** All of them. */
export const NETWORK_FAULTS: readonly NetworkFault[] = ['cut', 'silence', 'truncate', 'damage'];

/** A `fetch` that injects faults. */
export class FaultyFetch {
  /** Answers and chunks so far. */
  calls = 0;
  /** Faults that were met with so far. */
  injected = 0;
  #at = 0;
  #fault: NetworkFault | undefined;

  /** Has the `n`-th answer or chunk from now on meet with a fault, once; the first is 1. */
  injectAt(n: number, fault: NetworkFault): void {
    this.calls = 0;
    this.#at = n;
    this.#fault = fault;
  }

  /** No fault from now on. */
  clear(): void {
    this.calls = 0;
    this.#fault = undefined;
  }

  /** As `fetch`. */
  readonly fetch: Fetch = async (url, init) => {
    const fault = this.#next();
    if (fault === 'cut' || fault === 'truncate') throw new TypeError('Injected: the connection was refused.');
    if (fault === 'silence') return silence(init.signal);
    if (fault === 'damage') return new Response('Injected.', { status: 503 });
    const response = await fetch(url, init);
    if (!response.body) return response;
    const body = response.body.pipeThrough(this.#chunks(init.signal, url.pathname.endsWith('.safetensors')));
    const { status, statusText, headers } = response;
    const faulty = new Response(body, { status, statusText, headers });
    return Object.defineProperty(faulty, 'url', { value: response.url });
  };

  #chunks(signal: AbortSignal | null | undefined, weights: boolean): TransformStream<Uint8Array, Uint8Array> {
    return new TransformStream({
      transform: async (chunk, controller) => {
        const fault = this.#next();
        if (fault === 'cut') throw new TypeError('Injected: the connection broke.');
        if (fault === 'silence') await silence(signal);
        if (fault === 'truncate') return controller.terminate();
        const damaged = fault === 'damage' && weights;
        controller.enqueue(damaged ? chunk.map((byte, index) => (index === 0 ? byte ^ 1 : byte)) : chunk);
      },
    });
  }

  /** Counts, and gives the fault that is met with. */
  #next(): NetworkFault | undefined {
    this.calls++;
    const fault = this.calls === this.#at ? this.#fault : undefined;
    if (fault) {
      this.#fault = undefined;
      this.injected++;
    }
    return fault;
  }
}

/** Nothing, until it is aborted. */
function silence(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new DOMException('Injected: aborted.', 'AbortError'));
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
