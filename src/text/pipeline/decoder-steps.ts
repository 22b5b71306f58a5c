// Steps of decoders that take tokens and give tokens, each when it is final.

import type { TextStep } from './decoder-texts.ts';

/** One step for one text. */
export interface TokenStep {
  push(token: string): string[];
  /** The rest that was held back; afterwards nothing more comes. */
  end(): string[];
  readonly holds: boolean;
}

/** Changes each token for itself, knowing how many came before, or leaves it out (null). */
export class EachToken implements TokenStep {
  readonly holds = false;
  readonly #change: (token: string, index: number) => string | null;
  #index = 0;

  constructor(change: (token: string, index: number) => string | null) {
    this.#change = change;
  }

  push(token: string): string[] {
    const changed = this.#change(token, this.#index++);
    return changed === null ? [] : [changed];
  }

  end(): string[] {
    return [];
  }
}

/** Changes each token, but the last one in another way: one token is held back. */
export class LastToken implements TokenStep {
  readonly #change: (token: string, isLast: boolean) => string;
  #held: string | null = null;

  constructor(change: (token: string, isLast: boolean) => string) {
    this.#change = change;
  }

  get holds(): boolean {
    return this.#held !== null;
  }

  push(token: string): string[] {
    const held = this.#held;
    this.#held = token;
    return held === null ? [] : [this.#change(held, false)];
  }

  end(): string[] {
    return this.#held === null ? [] : [this.#change(this.#held, true)];
  }
}

/**
 * Makes characters of tokens such as `<0xE2>`. A row of them is held back up to its end: one byte that forms no
 * character makes every byte of the row a U+FFFD.
 */
export class ByteRuns implements TokenStep {
  #bytes: number[] = [];

  get holds(): boolean {
    return this.#bytes.length > 0;
  }

  push(token: string): string[] {
    const byte = byteOf(token);
    if (byte === null) return [...this.end(), token];
    this.#bytes.push(byte);
    return [];
  }

  end(): string[] {
    const bytes = Uint8Array.from(this.#bytes);
    this.#bytes = [];
    if (bytes.length === 0) return [];
    try {
      return [new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)];
    } catch {
      return Array.from(bytes, () => '\uFFFD');
    }
  }
}

/** The byte that a token such as `<0xE2>` stands for; null for other tokens. */
export function byteOf(token: string): number | null {
  const digits = /^<0x([0-9A-Fa-f]{2}|\+[0-9A-Fa-f])>$/.exec(token)?.[1];
  return digits === undefined ? null : Number.parseInt(digits, 16);
}

/** Makes one token of all. */
export class Fused implements TokenStep {
  readonly #join: (tokens: readonly string[]) => string;
  #tokens: string[] = [];

  constructor(join: (tokens: readonly string[]) => string) {
    this.#join = join;
  }

  get holds(): boolean {
    return this.#tokens.length > 0;
  }

  push(token: string): string[] {
    this.#tokens.push(token);
    return [];
  }

  end(): string[] {
    return [this.#join(this.#tokens)];
  }
}

/** A step for tokens behind one that made a single token of all: it waits for the whole of it. */
export class Whole implements TextStep {
  readonly #step: TokenStep;
  #text = '';

  constructor(step: TokenStep) {
    this.#step = step;
  }

  get holds(): boolean {
    return this.#text !== '';
  }

  push(text: string): string {
    this.#text += text;
    return '';
  }

  end(): string {
    return [...this.#step.push(this.#text), ...this.#step.end()].join('');
  }
}
