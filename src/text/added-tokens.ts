// The added tokens of tokenizer.json: strings that are cut out of a text before anything else, and always are one token.

import type { Normalizer } from './pipeline/normalizers.ts';
import type { Vocabulary } from './pipeline/vocabulary.ts';
import { finish } from './pipeline/work.ts';
import type { AddedToken } from './tokenizer-files.ts';

/** A stretch of text between added tokens, or one added token. */
export interface Section {
  readonly text: string;
  /** Where it begins in the text that was cut. */
  readonly start: number;
  readonly token: AddedToken | null;
}

/** Added tokens by their ids, with what a normalizer makes of them. */
export class AddedTokens {
  readonly byId: ReadonlyMap<number, AddedToken>;
  readonly idOf: ReadonlyMap<string, number>;
  /** Finds those that are looked for in the text as given. */
  readonly inText: AddedTokenSplitter;
  /** Finds those that are looked for in the normalized text, in which they are normalized as well. */
  readonly inNormalized: AddedTokenSplitter;
  readonly #normalized = new Map<number, string>();

  /**
   * An id is that of the vocabulary where it has the string, else the next free one behind the vocabulary. The ids of the
   * file do not count, as in the Rust library.
   */
  constructor(list: readonly AddedToken[], vocabulary: Vocabulary, normalizer: Normalizer) {
    const byId = new Map<number, AddedToken>();
    const idOf = new Map<string, number>();
    let next = vocabulary.size;
    for (const token of list) {
      const id = idOf.get(token.content) ?? vocabulary.get(token.content) ?? next++;
      idOf.set(token.content, id);
      byId.set(id, { ...token, id });
    }
    const raw = new Map<string, AddedToken>();
    const normalized = new Map<string, AddedToken>();
    for (const token of byId.values()) {
      if (!token.normalized) {
        raw.set(token.content, token);
        continue;
      }
      const { text } = finish(normalizer({ text: token.content, fromStart: true }, ''));
      normalized.set(text, token);
      this.#normalized.set(token.id, text);
    }
    this.byId = byId;
    this.idOf = idOf;
    this.inText = new AddedTokenSplitter(raw);
    this.inNormalized = new AddedTokenSplitter(normalized);
  }

  /** The text of a token for decoders: normalized, where the tokenizer looks for it in that form. */
  spelling(id: number): string | undefined {
    return this.#normalized.get(id) ?? this.byId.get(id)?.content;
  }
}

/** A node of the tree of strings that are looked for. */
interface Branch {
  readonly next: Map<number, Branch>;
  token: AddedToken | null;
}

/** Finds tokens in text: leftmost first, the longest where several begin at one place. */
export class AddedTokenSplitter {
  readonly #root: Branch = { next: new Map(), token: null };

  /** @param tokens by the string to look for */
  constructor(tokens: ReadonlyMap<string, AddedToken>) {
    for (const [content, token] of tokens) {
      if (content === '') continue;
      let branch = this.#root;
      for (let at = 0; at < content.length; at++) {
        const unit = content.charCodeAt(at);
        let next = branch.next.get(unit);
        if (!next) branch.next.set(unit, (next = { next: new Map(), token: null }));
        branch = next;
      }
      branch.token = token;
    }
  }

  /** The sections of a text, in order, none of them empty. */
  split(text: string): Section[] {
    const sections: Section[] = [];
    let done = 0;
    for (let at = 0; at < text.length && this.#root.next.size > 0;) {
      const token = this.#longestAt(text, at);
      if (token === null) {
        at++;
        continue;
      }
      let start = at;
      // Whitespace that a token takes with it does not count here: the next one may begin in it.
      at += token.length;
      let end = at;
      const alone =
        !WORD_BEFORE.test(text.slice(Math.max(0, start - 2), start)) && !WORD.test(text.slice(end, end + 2));
      if (token.token.singleWord && !alone) continue;
      if (token.token.lstrip) {
        while (start > done && WHITESPACE.test(text[start - 1]!)) start--;
        start = Math.max(start, done);
      }
      if (token.token.rstrip) while (end < text.length && WHITESPACE.test(text[end]!)) end++;
      if (start > done) sections.push({ text: text.slice(done, start), start: done, token: null });
      // Another one may have taken all of it already.
      if (end > start) sections.push({ text: text.slice(start, end), start, token: token.token });
      done = end;
    }
    if (done < text.length) sections.push({ text: text.slice(done), start: done, token: null });
    return sections;
  }

  #longestAt(text: string, at: number): { token: AddedToken; length: number } | null {
    let found: { token: AddedToken; length: number } | null = null;
    let branch = this.#root.next.get(text.charCodeAt(at));
    for (let end = at + 1; branch; end++) {
      if (branch.token) found = { token: branch.token, length: end - at };
      branch = branch.next.get(text.charCodeAt(end));
    }
    return found;
  }
}

const WHITESPACE = /\p{White_Space}/u;
const WORD_CLASS = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`;
const WORD = new RegExp(`^${WORD_CLASS}`, 'u');
const WORD_BEFORE = new RegExp(`${WORD_CLASS}$`, 'u');
