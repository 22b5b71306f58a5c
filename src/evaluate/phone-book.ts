import type { Chart, Series } from '../bench/chart.ts';
import type { TokenizingEngine } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { meanMetric } from './metrics.ts';
import { makeBook, type PhoneBook } from './phone-book-text.ts';
import { greedyAnswer } from './scoring.ts';
import { anyWork, type Part, type Work } from './work.ts';

// Retrieval over long contexts: one number of a phone book is asked for, in books of several lengths, at several places.

/** Tokens of the books, where they are not said: as many of these as the context has room for. */
const LENGTHS: readonly number[] = [1024, 2048, 4096, 8192, 16_384, 32_768];
/** Where the entry stands, from the first place to the last one. */
const PLACES = [0, 0.25, 0.5, 0.75, 1] as const;
/** Books of each length with the entry at each place. */
const BOOKS = 4;
const LEAST_TOKENS = 64;
/** Of numbers as texts, with what a model may say around them. */
const ANSWER_TOKENS = 16;

type Place = (typeof PLACES)[number];
type Outcome = Record<string, unknown> & {
  /** Tokens that were asked for, and that the question took. */
  length: number;
  tokens: number;
  place: Place;
  answer: string;
  target: string;
  exact_match: number;
};

/**
 * The phone book as work: answers are greedy, and right where they begin with the number.
 * @param options.lengths tokens of the books; by default 1K to 32K, up to the context
 * @param options.seed of the names and numbers: the same books for the same number
 * @param options.limit questions, at most: the first of each length and place come first
 * @throws BambaError `setting_invalid` for lengths that are none, `prompt_too_long` for those that the context lacks
 */
export function phoneBookWork(
  engine: TokenizingEngine,
  {
    lengths,
    seed = 1,
    limit = Infinity,
  }: { lengths?: readonly number[] | undefined; seed?: number; limit?: number } = {},
): Work {
  const { contextLength } = engine.info.model;
  const chosen = requireLengths(lengths ?? LENGTHS.filter((length) => length <= contextLength), contextLength);
  const asked = Array.from({ length: BOOKS }, (_, book) =>
    chosen.flatMap((length) => PLACES.map((place) => ({ length, place, seed: seed * 1000 + book }))),
  ).flat();
  const questions = asked.slice(0, limit);
  const parts = questions.map(({ length, place, seed: own }): Part<Outcome> => {
    return {
      id: `${length} tokens, place ${place}, book ${own}`,
      size: length + ANSWER_TOKENS,
      async run(asking, signal) {
        const book = await bookOf(asking, length, { place, seed: own }, signal);
        const where = `The phone book of ${length} tokens`;
        const answering = { stop: ['\n'], maxTokens: ANSWER_TOKENS, where };
        const answer = await greedyAnswer(asking, book.ids, answering, signal);
        const { number: target } = book;
        const exact = answer.trimStart().startsWith(target) ? 1 : 0;
        return { length, tokens: book.ids.length, place, answer, target, exact_match: exact };
      },
    };
  });
  return anyWork<Outcome>({
    name: 'phone-book',
    facts: [
      `${questions.length} questions after one number of a phone book of ${lengthsText(chosen)} tokens, at ${PLACES.length} places`,
    ],
    content: JSON.stringify(['phone-book 1', questions]),
    parts,
    metrics: (outcomes) => [
      meanMetric('exact_match', outcomes.map(matched)),
      ...chosen.flatMap((length) => {
        const own = outcomes.filter((outcome) => outcome.length === length).map(matched);
        return own.length === 0 ? [] : [meanMetric(`exact_match_${length}`, own)];
      }),
    ],
    charts: (outcomes) => (outcomes.length === 0 ? [] : [accuracyChart(outcomes)]),
  });
}

const matched = (outcome: Outcome): number => outcome.exact_match;

function requireLengths(lengths: readonly number[], contextLength: number): readonly number[] {
  const wrong = lengths.find((length) => !Number.isInteger(length) || length < LEAST_TOKENS);
  if (wrong !== undefined) {
    throw new BambaError(
      'setting_invalid',
      `A phone book has a whole number of tokens from ${LEAST_TOKENS} on, and not ${wrong}.`,
    );
  }
  const most = lengths.length === 0 ? LENGTHS[0]! : Math.max(...lengths);
  if (most <= contextLength) return [...new Set(lengths)].toSorted((one, other) => one - other);
  throw new BambaError(
    'prompt_too_long',
    `A phone book of ${most} tokens is longer than the context of ${contextLength}. Ask for shorter ones, or load the model with more.`,
  );
}

function lengthsText(lengths: readonly number[]): string {
  return lengths.length === 1 ? `${lengths[0]}` : `${lengths[0]} to ${lengths.at(-1)}`;
}

/** The book that fills so many tokens as well as whole entries do, the answer included. */
async function bookOf(
  engine: TokenizingEngine,
  length: number,
  { place, seed }: { place: Place; seed: number },
  signal: AbortSignal | undefined,
): Promise<PhoneBook & { ids: number[] }> {
  const room = length - ANSWER_TOKENS;
  const make = async (entries: number) => {
    const book = makeBook({ entries, place, seed });
    return { ...book, ids: await engine.tokenize(book.text, { addSpecialTokens: false, ...(signal && { signal }) }) };
  };
  // Entries take about as many tokens each; what is beside them is measured, too.
  const [few, more] = [(await make(1)).ids.length, (await make(33)).ids.length];
  const each = (more - few) / 32;
  let entries = 1 + Math.max(0, Math.floor((room - few) / each));
  let book = await make(entries);
  while (book.ids.length > room && entries > 1) {
    entries -= Math.min(entries - 1, Math.max(1, Math.floor((book.ids.length - room) / each)));
    book = await make(entries);
  }
  return book;
}

/** Accuracy over the length of the book: of all places, and of those at its begin, in its middle and at its end. */
function accuracyChart(outcomes: readonly Outcome[]): Chart {
  const lengths = [...new Set(outcomes.map(({ length }) => length))];
  const series = (name: string, of: Series['of'], places: readonly number[], kind: Series['kind']): Series => ({
    name,
    of,
    kind,
    points: lengths.flatMap((x) => {
      const own = outcomes.filter(({ length, place }) => length === x && places.includes(place)).map(matched);
      return own.length === 0 ? [] : [{ x, y: meanMetric('', own).value }];
    }),
  });
  const all = series('at any place', 'any', PLACES, 'counted');
  const course = all.points.map(({ x, y }) => `${Math.round(100 * y)} % of numbers at ${x} tokens`);
  return {
    id: 'phone-book',
    title: 'Numbers that are found in a phone book',
    description: `${course.join(', ')}. Dots are by the place of the entry in the book.`,
    unit: 'share',
    series: [
      all,
      series('at the begin', 'begin', [0], 'measured'),
      series('in the middle', 'middle', [0.25, 0.5, 0.75], 'measured'),
      series('at the end', 'end', [1], 'measured'),
    ].filter(({ points }) => points.length > 0),
  };
}
