// The `pre_tokenizer` of tokenizer.json: how a text is cut into words, each of which the model makes into tokens.

import { type Pattern, literalPattern, regexPattern } from '../regex/pattern.ts';
import { spellBytes } from './byte-alphabet.ts';
import { Fields } from './fields.ts';
import { scriptOf } from './scripts.ts';
import { type Behavior, BEHAVIORS, splitAtMatches } from './split.ts';
import type { Work } from './work.ts';

/** Words, none of them empty. */
export interface Words {
  readonly words: readonly string[];
  /** Whether the first one begins where the whole text as given does. */
  readonly fromStart: boolean;
}

export type PreTokenizer = (given: Words) => Work<Words>;

/** The pattern that GPT-2 cuts text with. */
const GPT2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/**
 * @param value the part of tokenizer.json; null for none
 * @throws BambaError `config_invalid` or `unsupported_model` for a pre-tokenizer that cannot be had
 */
export function createPreTokenizer(value: unknown): PreTokenizer {
  if (value === null) return same;
  const fields = new Fields(value, 'pre-tokenizer');
  switch (fields.type) {
    case 'Sequence':
      return inTurn(fields.list('pretokenizers').map(createPreTokenizer));
    case 'ByteLevel':
      return byteLevel(fields);
    case 'Metaspace':
      return metaspace(fields);
    case 'Split':
      return splitting(fields.pattern(), fields.oneOf('behavior', BEHAVIORS, 'Isolated'), fields.flag('invert', false));
    case 'Punctuation':
      return splitting(each(PUNCTUATION), fields.oneOf('behavior', BEHAVIORS, 'Isolated'));
    case 'Digits':
      return splitting(each(/\p{N}/gu), fields.flag('individual_digits', false) ? 'Isolated' : 'Contiguous');
    case 'Whitespace':
      return splitting(each(WORD_OR_OTHER), 'Removed', true);
    case 'WhitespaceSplit':
      return splitting(each(/\p{White_Space}/gu), 'Removed');
    case 'BertPreTokenizer':
      return inTurn([splitting(each(/\p{White_Space}/gu), 'Removed'), splitting(each(PUNCTUATION), 'Isolated')]);
    case 'CharDelimiterSplit':
      return splitting(literalPattern(fields.character('delimiter')), 'Removed');
    case 'FixedLength':
      return fixedLength(fields);
    case 'UnicodeScripts':
      return splitting(stretchesOfScript, 'Removed', true);
    default:
      throw fields.unknown();
  }
}

/** ASCII's and Unicode's. */
const PUNCTUATION = /[!-/:-@[-`{-~\p{P}]/gu;
const WORD_OR_OTHER =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;

// oxlint-disable-next-line require-yield -- all pre-tokenizers are generators, and this one has nothing to do
function* same(given: Words): Work<Words> {
  return given;
}

function inTurn(steps: readonly PreTokenizer[]): PreTokenizer {
  return function* cut(given) {
    let result = given;
    for (const step of steps) {
      result = yield* step(result);
      yield;
    }
    return result;
  };
}

function splitting(pattern: Pattern, behavior: Behavior, inverted = false): PreTokenizer {
  return eachWord(function* cut(word) {
    return splitAtMatches(word, yield* pattern(word), behavior, inverted);
  });
}

/** A step that cuts every word for itself. */
function eachWord(
  cut: (word: string, fromStart: boolean) => Work<{ pieces: string[]; fromStart: boolean }>,
): PreTokenizer {
  return function* cutAll({ words, fromStart }) {
    const result: string[] = [];
    let stays = fromStart;
    for (const [index, word] of words.entries()) {
      const cutWord = yield* cut(word, index === 0 && fromStart);
      if (index === 0) stays = fromStart && cutWord.fromStart;
      for (const piece of cutWord.pieces) result.push(piece);
      if (index % 256 === 255) yield;
    }
    return { words: result, fromStart: stays };
  };
}

/** A pattern of our own: JavaScript's, for matches of one character or runs of a kind. */
function each(pattern: RegExp): Pattern {
  // oxlint-disable-next-line require-yield -- fast in one piece
  return function* find(text) {
    return Array.from(text.matchAll(pattern), ({ index, 0: match }) => [index, index + match.length]).flat();
  };
}

function byteLevel(fields: Fields): PreTokenizer {
  const addsSpace = fields.flag('add_prefix_space', true);
  const pattern = fields.flag('use_regex', true) ? regexPattern(GPT2) : null;
  return eachWord(function* cut(word) {
    const text = addsSpace && !word.startsWith(' ') ? ` ${word}` : word;
    const pieces = pattern === null ? [text] : splitAtMatches(text, yield* pattern(text), 'Isolated', false).pieces;
    return { pieces: pieces.map(spellBytes), fromStart: true };
  });
}

function metaspace(fields: Fields): PreTokenizer {
  const replacement = fields.character('replacement', '\u2581');
  const scheme = readScheme(fields);
  const pattern = fields.flag('split', true) ? literalPattern(replacement) : null;
  return eachWord(function* cut(word, fromStart) {
    const spelled = word.replaceAll(' ', replacement);
    const prepends = (scheme === 'always' || (scheme === 'first' && fromStart)) && !spelled.startsWith(replacement);
    const text = prepends ? replacement + spelled : spelled;
    if (pattern === null) return { pieces: [text], fromStart: true };
    return splitAtMatches(text, yield* pattern(text), 'MergedWithNext', false);
  });
}

/** When Metaspace puts a space before a text; older files say it by `add_prefix_space`. */
export function readScheme(fields: Fields): 'always' | 'first' | 'never' {
  const scheme = fields.oneOf('prepend_scheme', ['always', 'first', 'never'], 'always');
  return fields.flag('add_prefix_space', true) ? scheme : 'never';
}

function fixedLength(fields: Fields): PreTokenizer {
  const length = fields.count('length', 5);
  if (length === 0) throw fields.wrong('length');
  // oxlint-disable-next-line require-yield -- fast in one piece
  return eachWord(function* cut(word) {
    const characters = Array.from(word);
    const pieces = Array.from({ length: Math.ceil(characters.length / length) }, (_, index) =>
      characters.slice(index * length, (index + 1) * length).join(''),
    );
    return { pieces, fromStart: true };
  });
}

/** Stretches of one script each, as matches. The text before the first script is in none, and is lost. */
// oxlint-disable-next-line require-yield -- fast in one piece
function* stretchesOfScript(text: string): Work<number[]> {
  const matches: number[] = [];
  let start = -1;
  let last: string | null = null;
  let at = 0;
  for (const character of text) {
    const script = scriptOf(character);
    if (script !== null && script !== last) {
      if (start >= 0) matches.push(start, at);
      start = at;
    }
    last = script ?? last;
    at += character.length;
  }
  if (start >= 0) matches.push(start, text.length);
  return matches;
}
