import type { Fetch } from '../../storage/remote/fetch.ts';

/**
 * A line to a server that counts what comes, and ends after so many bytes, for tests: either it is lost, which a page is
 * told, or the page is closed, so that nothing happens any more.
 */
export class TestLine {
  /** Bytes of bodies that were taken. */
  received = 0;
  /** Settles when a page that is to be closed has all that it gets. */
  readonly closed: Promise<void>;
  #allowance: number;
  readonly #end: 'lost' | 'closed';
  #close = () => {};

  constructor(allowance = Infinity, end: 'lost' | 'closed' = 'lost') {
    this.#allowance = allowance;
    this.#end = end;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  readonly fetch: Fetch = async (url, init) => {
    if (this.#allowance <= 0) await this.#over();
    const response = await fetch(url, init);
    const reader = response.body?.getReader();
    const body = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          if (this.#allowance <= 0) await this.#over();
          const { done, value } = (await reader?.read()) ?? { done: true };
          if (done || !value) {
            controller.close();
            return;
          }
          const part = value.subarray(0, this.#allowance);
          this.#allowance -= part.length;
          this.received += part.length;
          controller.enqueue(part);
        },
        cancel: (reason) => reader?.cancel(reason),
      },
      { highWaterMark: 0 },
    );
    return new Response(reader ? body : null, { status: response.status, headers: response.headers });
  };

  #over(): Promise<never> {
    if (this.#end === 'lost') return Promise.reject(new TypeError('The line is lost.'));
    this.#close();
    return new Promise(() => {});
  }
}
