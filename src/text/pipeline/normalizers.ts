// The `normalizer` of tokenizer.json: what happens to a text before it is cut into words.

import type { Pattern } from '../regex/pattern.ts';
import { spellBytes } from './byte-alphabet.ts';
import { Fields } from './fields.ts';
import { precompiledNormalizer } from './precompiled.ts';
import type { Work } from './work.ts';

/** A text on its way. */
export interface Normalized {
  readonly text: string;
  /** Whether its first character came from the first one of the text as given. */
  readonly fromStart: boolean;
}

/**
 * @param kept a character that is never taken out, though its kind would be; the mark of special-text.ts
 */
export type Normalizer = (given: Normalized, kept: string) => Work<Normalized>;

/**
 * @param value the part of tokenizer.json; null for none
 * @throws BambaError `config_invalid` or `unsupported_model` for a normalizer that cannot be had
 */
export function createNormalizer(value: unknown): Normalizer {
  if (value === null) return same;
  const fields = new Fields(value, 'normalizer');
  switch (fields.type) {
    case 'Sequence':
      return inTurn(fields.list('normalizers').map(createNormalizer));
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = fields.type;
      return onText((text) => text.normalize(form));
    }
    case 'Lowercase':
      return onText(lowercase);
    case 'StripAccents':
      return without(/\p{M}/gu);
    case 'Strip':
      return strip(fields.flag('strip_left', true), fields.flag('strip_right', true));
    case 'Prepend': {
      const prefix = fields.text('prepend');
      return onText((text) => (text === '' ? '' : prefix + text));
    }
    case 'Replace':
      return replacing(fields.pattern(), fields.text('content'));
    case 'Nmt':
      return inTurn([without(NMT_REMOVED), onText((text) => text.replaceAll(NMT_SPACES, ' '))]);
    case 'Bert':
    case 'BertNormalizer':
      return bert(fields);
    case 'ByteLevel':
      return onText(spellBytes);
    case 'Precompiled':
      return onText(precompiledNormalizer(fields.text('precompiled_charsmap')));
    default:
      throw fields.unknown();
  }
}

// oxlint-disable-next-line require-yield -- all normalizers are generators, and this one has nothing to do
function* same(given: Normalized): Work<Normalized> {
  return given;
}

function inTurn(steps: readonly Normalizer[]): Normalizer {
  return function* normalize(given, kept) {
    let result = given;
    for (const step of steps) {
      result = yield* step(result, kept);
      yield;
    }
    return result;
  };
}

function onText(change: (text: string) => string): Normalizer {
  // oxlint-disable-next-line require-yield -- strings change in one piece
  return function* normalize({ text, fromStart }) {
    return { text: change(text), fromStart };
  };
}

/** Takes out the characters that a pattern matches one by one. */
function without(pattern: RegExp): Normalizer {
  // oxlint-disable-next-line require-yield -- strings change in one piece
  return function* normalize({ text, fromStart }, kept) {
    const keep = (character: string) => (character === kept ? character : '');
    const [first = ''] = text;
    return {
      text: text.replaceAll(pattern, keep),
      fromStart: fromStart && first.replaceAll(pattern, keep) === first,
    };
  };
}

function strip(left: boolean, right: boolean): Normalizer {
  // oxlint-disable-next-line require-yield -- strings change in one piece
  return function* normalize({ text, fromStart }) {
    let start = 0;
    let end = text.length;
    if (left) while (start < end && isWhitespace(text, start)) start++;
    if (right) while (end > start && isWhitespace(text, end - 1)) end--;
    return { text: text.slice(start, end), fromStart: fromStart && start === 0 };
  };
}

function replacing(pattern: Pattern, content: string): Normalizer {
  return function* normalize({ text, fromStart }) {
    const matches = yield* pattern(text);
    const [start, end] = matches;
    // A replacement comes from the last character that it replaces.
    const moves = start === 0 && end! > 0 && (content === '' || end! > (text.codePointAt(0)! > 0xffff ? 2 : 1));
    return { text: replaceMatches(text, matches, content), fromStart: fromStart && !moves };
  };
}

/** A text with its matches, start and end by turns, replaced. */
export function replaceMatches(text: string, matches: readonly number[], content: string): string {
  let result = '';
  let last = 0;
  for (let i = 0; i < matches.length; i += 2) {
    result += text.slice(last, matches[i]) + content;
    last = matches[i + 1]!;
  }
  return result + text.slice(last);
}

function bert(fields: Fields): Normalizer {
  const lower = fields.flag('lowercase', true);
  const steps: Normalizer[] = [];
  if (fields.flag('clean_text', true)) {
    steps.push(
      without(BERT_REMOVED),
      onText((text) => text.replaceAll(/\p{White_Space}/gu, ' ')),
    );
  }
  if (fields.flag('handle_chinese_chars', true)) steps.push(onText((text) => text.replaceAll(CHINESE, ' $& ')));
  if (fields.flag('strip_accents', lower))
    steps.push(
      onText((text) => text.normalize('NFD')),
      without(/\p{Mn}/gu),
    );
  if (lower) steps.push(onText(lowercase));
  return inTurn(steps);
}

/** Letter by letter: a capital sigma at the end of a word is no exception. */
function lowercase(text: string): string {
  return text.replaceAll('\u03A3', '\u03C3').toLowerCase();
}

const WHITESPACE = /\p{White_Space}/u;

function isWhitespace(text: string, at: number): boolean {
  return WHITESPACE.test(text[at]!);
}

// oxlint-disable-next-line no-control-regex -- controls are what is taken out
const NMT_REMOVED = /[\u0001-\u0008\u000B\u000E-\u001F\u007F\u008F\u009F]/gu;
const NMT_SPACES = /[\t\n\f\r\u1680\u200B-\u200F\u2028\u2029\u2581\uFEFF\uFFFD]/gu;
/** Controls other than line ends and tabs, formatting, private use; and what stands for a broken character. */
const BERT_REMOVED = /[\0\uFFFD]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}]/gu;
const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;
