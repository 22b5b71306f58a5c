import type { Expression } from '../../generate/grammar.ts';
import { GrammarConstraints } from '../../generate/grammar-constraint.ts';
import { readLexiconFiles } from '../../text/fixtures/lexicon.ts';
import { createTokenizer, type Tokenizer } from '../../text/tokenizer.ts';
import { random } from '../arbitrary.ts';
import { TINY_EOS, tinyTokenizer } from './tiny-model.ts';

// A model that has never seen JSON: each token is drawn at random from those that the mask lets come.

/** Who draws tokens. */
export interface Speaker {
  tokenizer: Tokenizer;
  size: number;
  stopId: number;
  constraints: GrammarConstraints;
  /** Ids that end the text, or something in it. */
  closes: ReadonlySet<number>;
  /** What tokens begin with. */
  firsts: readonly string[];
}

/** A speaker of a vocabulary. */
export function speaker(tokenizer: Tokenizer, size: number, stopId: number): Speaker {
  const vocabulary = { tokenizer, size, stopIds: [stopId], shown: new Set<number>() };
  const texts = Array.from({ length: size }, (_, id) => tokenizer.decode([id], { skipSpecialTokens: false }));
  const closing = [...texts.keys()].filter((id) => /^["\]}]+$/.test(texts[id]!));
  return {
    tokenizer,
    size,
    stopId,
    constraints: new GrammarConstraints(vocabulary),
    closes: new Set([stopId, ...closing]),
    firsts: texts.map((text) => text.slice(0, 1)),
  };
}

/**
 * A random text of a grammar, to its end. Half of the tokens are such as close what is open, or most texts had no end; of
 * the others, each first character is as likely as any, or rare ones that lead on would never come.
 */
export function speak(
  { tokenizer, size, stopId, constraints, closes, firsts }: Speaker,
  grammar: Expression,
  seed: number,
): string {
  const next = random(seed);
  const constraint = constraints.constrain(grammar);
  const ids: number[] = [];
  for (;;) {
    const mask = constraint.mask();
    const allowed: number[] = [];
    for (let id = 0; id < size; id++) if (((mask[id >>> 5]! >>> (id & 31)) & 1) === 1) allowed.push(id);
    const closing = allowed.filter((id) => closes.has(id));
    const any = <Item>(list: readonly Item[]) => list[Math.floor(next() * list.length)]!;
    const first = any([...new Set(allowed.map((id) => firsts[id]!))]);
    const id = closing.length > 0 && next() < 0.5 ? any(closing) : any(allowed.filter((one) => firsts[one] === first));
    if (id === stopId) return tokenizer.decode(ids, { skipSpecialTokens: true });
    ids.push(id);
    constraint.accept(id);
    if (ids.length > 20_000) throw new Error('The text has no end.');
  }
}

/** Speakers of tokens of one byte, and of a real vocabulary whose tokens span what a grammar tells apart. */
export function bothSpeakers(): [Speaker, Speaker] {
  const { tokenizerJson, tokenizerConfig } = readLexiconFiles();
  return [speaker(tinyTokenizer(), 512, TINY_EOS), speaker(createTokenizer(tokenizerJson, tokenizerConfig), 12_288, 2)];
}
