// Patterns of tokenizer.json: plain strings, or regular expressions in Oniguruma's syntax.

import type { Work } from '../pipeline/work.ts';
import { compilePattern } from './compile.ts';
import { Matcher } from './matcher.ts';
import { parsePattern } from './parse.ts';

/** Finds its matches in a text: start and end of each by turns, in UTF-16 units, ascending. */
export type Pattern = (text: string) => Work<number[]>;

/** Places that are tried before the work can be stopped. */
const PLACES_A_PIECE = 4096;

/** A pattern that is a string. An empty one matches nowhere. */
export function literalPattern(literal: string): Pattern {
  // oxlint-disable-next-line require-yield -- fast in one piece
  return function* find(text) {
    const matches: number[] = [];
    if (literal === '') return matches;
    for (let at = text.indexOf(literal); at >= 0; at = text.indexOf(literal, at + literal.length)) {
      matches.push(at, at + literal.length);
    }
    return matches;
  };
}

/**
 * A pattern that is a regular expression in Oniguruma's syntax. Its matches are found in time that grows with the
 * text's length only.
 *
 * @throws BambaError `config_invalid` where it is no pattern; `unsupported_model` where a part of it is not built, or where
 * a run takes too long
 */
export function regexPattern(source: string): Pattern {
  const program = compilePattern(source, parsePattern(source));
  return function* find(text) {
    const matcher = new Matcher(program, text);
    const matches: number[] = [];
    let from = 0;
    let lastEnd = -1;
    while (from <= text.length) {
      const found = yield* search(matcher, text, from);
      if (!found) break;
      const { start, end } = matcher;
      if (start === end && end === lastEnd) {
        // An empty match just behind the last one: go on one character further.
        from += (text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1;
        continue;
      }
      matches.push(start, end);
      from = end;
      lastEnd = end;
      if (matches.length % 512 === 0) yield;
    }
    return matches;
  };
}

function* search(matcher: Matcher, text: string, from: number): Work<boolean> {
  for (let at = from; ;) {
    const to = Math.min(at + PLACES_A_PIECE, text.length + 1);
    if (matcher.search(at, to, from)) return true;
    if (to > text.length) return false;
    // A pair of surrogates is not parted.
    at = to + (text.codePointAt(to - 1)! > 0xffff ? 1 : 0);
    yield;
  }
}
