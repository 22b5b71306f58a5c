// The `decoder` of tokenizer.json: from tokens back to text, as they come.

import type { Pattern } from '../regex/pattern.ts';
import { bytesOfToken } from './byte-alphabet.ts';
import { ByteRuns, EachToken, Fused, LastToken, type TokenStep, Whole } from './decoder-steps.ts';
import { Fields } from './fields.ts';
import { ByteText, PlainText, ReplacedText, StrippedText, type TextStep } from './decoder-texts.ts';
import { replaceMatches } from './normalizers.ts';
import { readScheme } from './pre-tokenizers.ts';
import { finish } from './work.ts';

/** Decodes one text. */
export interface Decoding {
  /** Takes the next token; returns the text that is final with it. */
  push(token: string): string;
  /** Ends the text; returns what was held back. */
  end(): string;
  /** Whether some text is held back. */
  readonly holds: boolean;
}

/** Begins a text. */
export type Decoder = () => Decoding;

/**
 * @param value the part of tokenizer.json; null for none: then tokens stand apart by spaces
 * @throws BambaError `config_invalid` or `unsupported_model` for a decoder that cannot be had
 */
export function createDecoder(value: unknown): Decoder {
  const stages = value === null ? [tokens(() => new EachToken(spaced))] : stagesOf(new Fields(value, 'decoder'));
  return () => new StagedDecoding(stages);
}

/**
 * One step of a decoder. `onTokens` is for tokens, and `joins` makes one text of all of them. `onText` handles such a text
 * as it comes, where that is possible; otherwise the step waits for the whole text.
 */
interface Stage {
  readonly onTokens: () => TokenStep;
  readonly joins?: () => TextStep;
  readonly onText?: () => TextStep;
}

function tokens(onTokens: () => TokenStep, onText?: () => TextStep): Stage {
  return onText ? { onTokens, onText } : { onTokens };
}

function stagesOf(fields: Fields): Stage[] {
  switch (fields.type) {
    case 'Sequence':
      return fields.list('decoders').flatMap((value) => stagesOf(new Fields(value, 'decoder')));
    case 'ByteLevel':
      return [{ onTokens: () => new Fused(bytesToText), joins: () => new ByteText() }];
    case 'Fuse':
      return [{ onTokens: () => new Fused(join), joins: () => new PlainText(), onText: () => new PlainText() }];
    case 'ByteFallback':
      return [tokens(() => new ByteRuns())];
    case 'Metaspace': {
      const replacement = fields.character('replacement', '\u2581');
      const first = readScheme(fields) === 'never' ? ' ' : '';
      return [tokens(() => new EachToken((token, index) => token.replaceAll(replacement, index === 0 ? first : ' ')))];
    }
    case 'WordPiece': {
      const prefix = fields.text('prefix', '##');
      const cleans = fields.flag('cleanup', true);
      const spell = (token: string, index: number) =>
        index === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return [
        tokens(() => new EachToken((token, index) => (cleans ? clean(spell(token, index)) : spell(token, index)))),
      ];
    }
    case 'BPEDecoder': {
      const suffix = fields.text('suffix', '</w>');
      return [tokens(() => new LastToken((token, isLast) => token.replaceAll(suffix, isLast ? '' : ' ')))];
    }
    case 'CTC':
      return [ctc(fields)];
    case 'Replace': {
      const pattern = fields.pattern();
      const content = fields.text('content');
      const literal = (fields.value('pattern') as { String?: unknown }).String;
      const onText =
        typeof literal === 'string' && literal !== '' ? () => new ReplacedText(literal, content) : undefined;
      return [tokens(() => new EachToken((token) => replaceAll(pattern, token, content)), onText)];
    }
    case 'Strip': {
      const [content, start, stop] = [
        fields.character('content', ' '),
        fields.count('start', 0),
        fields.count('stop', 0),
      ];
      return [
        tokens(
          () => new EachToken((token) => strip(token, content, start, stop)),
          () => new StrippedText(content, start, stop),
        ),
      ];
    }
    default:
      throw fields.unknown();
  }
}

/** Runs a token through all steps that are for tokens, and what they make through those for text. */
class StagedDecoding implements Decoding {
  readonly #tokenSteps: TokenStep[] = [];
  readonly #textSteps: TextStep[] = [];

  constructor(stages: readonly Stage[]) {
    let joined = false;
    for (const stage of stages) {
      if (joined) this.#textSteps.push(stage.onText?.() ?? new Whole(stage.onTokens()));
      else if (stage.joins) this.#textSteps.push(stage.joins());
      else this.#tokenSteps.push(stage.onTokens());
      joined ||= stage.joins !== undefined;
    }
    if (!joined) this.#textSteps.push(new PlainText());
  }

  get holds(): boolean {
    return [...this.#tokenSteps, ...this.#textSteps].some((step) => step.holds);
  }

  push(token: string): string {
    return this.#text(this.#through([token], 0));
  }

  end(): string {
    let text = '';
    for (const [index, step] of this.#tokenSteps.entries()) text += this.#text(this.#through(step.end(), index + 1));
    for (const [index, step] of this.#textSteps.entries()) {
      text += this.#textSteps.slice(index + 1).reduce((rest, next) => next.push(rest), step.end());
    }
    return text;
  }

  #through(given: readonly string[], from: number): readonly string[] {
    return this.#tokenSteps.slice(from).reduce((list, step) => list.flatMap((token) => step.push(token)), given);
  }

  #text(list: readonly string[]): string {
    const [first, ...others] = this.#textSteps;
    return others.reduce((text, step) => step.push(text), list.map((token) => first!.push(token)).join(''));
  }
}

function ctc(fields: Fields): Stage {
  const pad = fields.text('pad_token', '<pad>');
  const delimiter = fields.text('word_delimiter_token', '|');
  const cleans = fields.flag('cleanup', true);
  return tokens(() => {
    let last: string | null = null;
    return new EachToken((token) => {
      if (token === last) return null;
      last = token;
      const kept = token.replaceAll(pad, '');
      return (cleans ? clean(kept).replaceAll(delimiter, ' ') : kept) || null;
    });
  });
}

function spaced(token: string, index: number): string {
  return index === 0 ? token : ` ${token}`;
}

function join(list: readonly string[]): string {
  return list.join('');
}

function bytesToText(list: readonly string[]): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
    Uint8Array.from(list.flatMap((token) => [...bytesOfToken(token)])),
  );
}

function replaceAll(pattern: Pattern, token: string, content: string): string {
  return replaceMatches(token, finish(pattern(token)), content);
}

function strip(token: string, content: string, start: number, stop: number): string {
  const characters = Array.from(token);
  let from = 0;
  let to = characters.length;
  while (from < start && characters[from] === content) from++;
  while (to > from && characters.length - to < stop && characters[to - 1] === content) to--;
  return characters.slice(from, to).join('');
}

/** Takes out the spaces that stand before punctuation and endings in English. */
function clean(text: string): string {
  return CLEANED.reduce((result, [before, after]) => result.replaceAll(before, after), text);
}

const CLEANED = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
] as const;
