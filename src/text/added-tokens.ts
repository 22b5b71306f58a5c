// Cuts text at the added tokens, as the tokenizer library does inside `encode`. It is done here once more because the
// library offers no way to keep the string of a special token as text, which chats need (see chat-template.ts).

import type { AddedToken } from './tokenizer-files.ts';

/** A stretch of text between added tokens, or one added token. */
export type Section =
  { readonly text: string; readonly token: null } | { readonly text: string; readonly token: AddedToken };

/** Finds added tokens in text: leftmost first, the longest where several begin at one place. */
export class AddedTokenSplitter {
  readonly #tokens: ReadonlyMap<string, AddedToken>;
  readonly #pattern: RegExp | null;

  /** @param tokens the added tokens by the string to look for, which is normalized where the token says so */
  constructor(tokens: ReadonlyMap<string, AddedToken>) {
    this.#tokens = tokens;
    const longestFirst = [...tokens.keys()].filter((content) => content !== '').toSorted((a, b) => b.length - a.length);
    this.#pattern = longestFirst.length === 0 ? null : new RegExp(longestFirst.map(escapeRegExp).join('|'), 'g');
  }

  /**
   * The sections of a text, in order. Text that an lstrip or rstrip token takes the whitespace from can become empty.
   */
  split(text: string): Section[] {
    const sections: Section[] = [];
    let end = 0;
    for (const match of this.#pattern === null ? [] : text.matchAll(this.#pattern)) {
      if (match.index > end) sections.push({ text: text.slice(end, match.index), token: null });
      sections.push({ text: match[0], token: this.#tokens.get(match[0])! });
      end = match.index + match[0].length;
    }
    if (end < text.length) sections.push({ text: text.slice(end), token: null });
    return sections.map((section, i) => {
      if (section.token !== null) return section;
      let kept = section.text;
      if (sections[i + 1]?.token?.lstrip) kept = kept.trimEnd();
      if (sections[i - 1]?.token?.rstrip) kept = kept.trimStart();
      return { text: kept, token: null };
    });
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
