// Steps of decoders that take the one text of all tokens in pieces, and give on what is final of it.

import { bytesOfToken } from './byte-alphabet.ts';

/** One step for one text. */
export interface TextStep {
  push(text: string): string;
  /** The rest that was held back; afterwards nothing more comes. */
  end(): string;
  readonly holds: boolean;
}

/** Gives on what comes. */
export class PlainText implements TextStep {
  readonly holds = false;

  push(text: string): string {
    return text;
  }

  end(): string {
    return '';
  }
}

/** Takes tokens that spell bytes, and gives their characters. Half a character is held back. */
export class ByteText implements TextStep {
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  /** The last bytes, of which a character could be open. */
  #tail: number[] = [];

  get holds(): boolean {
    return endsInsideCharacter(this.#tail);
  }

  push(token: string): string {
    const bytes = bytesOfToken(token);
    this.#tail = [...this.#tail, ...bytes.slice(-3)].slice(-3);
    return this.#utf8.decode(bytes, { stream: true });
  }

  end(): string {
    this.#tail = [];
    return this.#utf8.decode();
  }
}

/** Takes up to so many of a character from the start, and from the end: those that could be the last are held back. */
export class StrippedText implements TextStep {
  readonly #content: string;
  readonly #stop: number;
  #start: number;
  #held = '';

  constructor(content: string, start: number, stop: number) {
    this.#content = content;
    this.#start = start;
    this.#stop = stop;
  }

  get holds(): boolean {
    return this.#held !== '';
  }

  push(text: string): string {
    let rest = this.#held + text;
    while (this.#start > 0 && rest !== '') {
      if (rest.startsWith(this.#content)) {
        rest = rest.slice(this.#content.length);
        this.#start--;
      } else {
        this.#start = 0;
      }
    }
    let end = rest.length;
    for (let count = 0; count < this.#stop && rest.endsWith(this.#content, end); count++) end -= this.#content.length;
    this.#held = rest.slice(end);
    return rest.slice(0, end);
  }

  end(): string {
    return '';
  }
}

/** Replaces a string. A text that could be its beginning is held back. */
export class ReplacedText implements TextStep {
  readonly #pattern: string;
  readonly #content: string;
  #held = '';

  constructor(pattern: string, content: string) {
    this.#pattern = pattern;
    this.#content = content;
  }

  get holds(): boolean {
    return this.#held !== '';
  }

  push(text: string): string {
    const whole = this.#held + text;
    let done = 0;
    let result = '';
    for (let at = whole.indexOf(this.#pattern); at >= 0; at = whole.indexOf(this.#pattern, done)) {
      result += whole.slice(done, at) + this.#content;
      done = at + this.#pattern.length;
    }
    const rest = whole.slice(done);
    let open = Math.min(rest.length, this.#pattern.length - 1);
    while (!this.#pattern.startsWith(rest.slice(rest.length - open))) open--;
    this.#held = rest.slice(rest.length - open);
    return result + rest.slice(0, rest.length - open);
  }

  end(): string {
    return this.#held;
  }
}

/** Whether a run of UTF-8 bytes, of which these are the last (three suffice), could go on inside a character. */
function endsInsideCharacter(bytes: readonly number[]): boolean {
  const lead = bytes.findLastIndex((byte) => byte >= 0xc2 && byte <= 0xf4);
  if (lead < 0) return false;
  const [first, second, ...others] = bytes.slice(lead) as [number, ...number[]];
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (bytes.length - lead >= length) return false;
  // The second byte's range is narrower after these four: overlong forms, surrogates, beyond U+10FFFF.
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second !== undefined && (second < low || second > high)) return false;
  return others.every((byte) => byte >= 0x80 && byte <= 0xbf);
}
