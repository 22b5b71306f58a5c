// Stop strings in a streamed answer: the text before one goes out, the string itself and all behind it never do.

import { BambaError } from '../errors.ts';

/** Room for every sensible use; it bounds the work for each piece of text. */
const MAX_STOP_STRINGS = 64;
const MAX_STOP_LENGTH = 1024;

/** The results of one piece of text. */
export interface StopStep {
  /** Text that may go out now. */
  text: string;
  /** A stop string is complete: nothing more goes out. */
  stopped: boolean;
}

/**
 * Watches streamed text for stop strings. Of several, the one that is complete first counts; where two end together, the
 * longest. So the result does not depend on the pieces of the text. Held back is only the longest suffix that could begin a
 * stop string.
 *
 * ```ts
 * const matcher = new StopMatcher(['\n\n', 'User:']);
 * matcher.push('Yes.\n'); // { text: 'Yes.', stopped: false }
 * matcher.push('\nNo.'); // { text: '', stopped: true }
 * ```
 */
export class StopMatcher {
  readonly #stops: readonly string[];
  #held = '';
  #emittedLength = 0;
  #receivedLength = 0;
  #stopped = false;

  /**
   * @param stops the stop strings; none is fine
   * @throws BambaError `setting_invalid` for an empty stop string, one above 1,024 characters, or more than 64
   */
  constructor(stops: readonly string[]) {
    if (stops.length > MAX_STOP_STRINGS) {
      throw new BambaError(
        'setting_invalid',
        `There are ${stops.length} stop strings. Give at most ${MAX_STOP_STRINGS}.`,
      );
    }
    for (const stop of stops) {
      if (typeof stop !== 'string' || stop === '' || stop.length > MAX_STOP_LENGTH) {
        throw new BambaError('setting_invalid', `A stop string must have 1 to ${MAX_STOP_LENGTH} characters.`);
      }
    }
    this.#stops = [...stops];
  }

  /** Length of all text that went out, in UTF-16 units. After a stop it is where the stop string begins. */
  get emittedLength(): number {
    return this.#emittedLength;
  }

  /** Length of all text that was pushed, in UTF-16 units. */
  get receivedLength(): number {
    return this.#receivedLength;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Takes the next piece of text. After a stop every piece is dropped. */
  push(piece: string): StopStep {
    this.#receivedLength += piece.length;
    if (this.#stopped) return { text: '', stopped: true };
    const text = this.#held + piece;
    const match = this.#firstMatch(text);
    this.#stopped = match !== null;
    const end = match ?? text.length - this.#possibleBeginning(text);
    this.#held = this.#stopped ? '' : text.slice(end);
    this.#emittedLength += end;
    return { text: text.slice(0, end), stopped: this.#stopped };
  }

  /** Ends the text: returns what was held back, as no stop string came of it. */
  flush(): string {
    const text = this.#held;
    this.#held = '';
    this.#emittedLength += text.length;
    return text;
  }

  /** Where the stop string that is complete first begins, or null. */
  #firstMatch(text: string): number | null {
    let first: { start: number; end: number } | null = null;
    for (const stop of this.#stops) {
      const start = text.indexOf(stop);
      const end = start + stop.length;
      if (start < 0) continue;
      if (first === null || end < first.end || (end === first.end && start < first.start)) first = { start, end };
    }
    return first?.start ?? null;
  }

  /** Length of the longest suffix that begins a stop string. */
  #possibleBeginning(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}

/**
 * How many of an answer's ids lie wholly in its first `length` characters: those to keep when a stop string cut it.
 *
 * @param ends for each id where it ends in the text, never falling (`Detokenizer.end` after its push)
 * @param length of the text that went out (`StopMatcher.emittedLength`)
 */
export function countIdsWithin(ends: readonly number[], length: number): number {
  const cut = ends.findIndex((end) => end > length);
  return cut < 0 ? ends.length : cut;
}
