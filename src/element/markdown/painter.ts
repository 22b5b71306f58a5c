// Code and formulas: the page shows their source at once, and colours or MathML once a worker has made them. The text is
// there, also where the worker fails. The newest text is the first, and what is gone meanwhile is not asked for.

import { doSoon } from '../frame-work.ts';

/** A worker that could not be had is tried again after this. */
const RETRY_MS = 30_000;

/** The longest pause between two answers. */
const LONGEST_PAUSE_MS = 150;

/** How something is painted. */
export interface PainterParts<Request, Made> {
  /** The same for requests with the same answer. */
  keyOf(request: Request): string;
  /** Never rejects. */
  ask(request: Request): Promise<Made | 'refused' | 'unavailable'>;
  draw(element: HTMLElement, request: Request, made: Made): void;
  /** Answers that are kept. */
  kept: number;
  /** The pause before the next request, in times of the last answer's: a growing text is asked for again and again. */
  pauseFactor: number;
}

/** Paints elements, one after the other. */
export class Painter<Request, Made> {
  readonly #parts: PainterParts<Request, Made>;
  readonly #made = new Map<string, { request: Request; made: Made | 'refused' }>();
  /** The newest is the last. */
  #waiting: { element: HTMLElement; request: Request }[] = [];
  #working = false;
  #unavailableUntil = 0;

  constructor(parts: PainterParts<Request, Made>) {
    this.#parts = parts;
  }

  /** The results of other texts, the newest first. */
  get recent(): { request: Request; made: Made | 'refused' }[] {
    return [...this.#made.values()].toReversed();
  }

  /** Paints an element, at once where it is known how. True where nothing is left to be done. */
  paint(element: HTMLElement, request: Request): boolean {
    const key = this.#parts.keyOf(request);
    const known = this.#made.get(key);
    if (known) {
      // Those that are asked for stay.
      this.#made.delete(key);
      this.#made.set(key, known);
      if (known.made !== 'refused') this.#parts.draw(element, request, known.made);
      return true;
    }
    this.#waiting.push({ element, request });
    if (!this.#working) void this.#work();
    return false;
  }

  async #work(): Promise<void> {
    this.#working = true;
    // The caller has not put the element into the page yet.
    await Promise.resolve();
    for (let next = this.#next(); next; next = this.#next()) {
      const { element, request } = next;
      // Another element with the same text was before it.
      if (this.#made.has(this.#parts.keyOf(request))) {
        doSoon(() => void this.paint(element, request));
        continue;
      }
      const begin = performance.now();
      const made = await this.#parts.ask(request);
      if (made === 'unavailable') {
        this.#unavailableUntil = performance.now() + RETRY_MS;
        break;
      }
      this.#keep(request, made);
      if (made !== 'refused') doSoon(() => this.#parts.draw(element, request, made));
      const pauseMs = Math.min(LONGEST_PAUSE_MS, this.#parts.pauseFactor * (performance.now() - begin));
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    this.#waiting = [];
    this.#working = false;
  }

  /** The newest element that is still in the page. */
  #next(): { element: HTMLElement; request: Request } | undefined {
    if (performance.now() < this.#unavailableUntil) return undefined;
    let next = this.#waiting.pop();
    while (next && !next.element.isConnected) next = this.#waiting.pop();
    return next;
  }

  #keep(request: Request, made: Made | 'refused'): void {
    this.#made.set(this.#parts.keyOf(request), { request, made });
    for (const key of this.#made.keys()) {
      if (this.#made.size <= this.#parts.kept) break;
      this.#made.delete(key);
    }
  }
}
