import fc from 'fast-check';
import { architectureOf } from '../checkpoints/config-traits.ts';
import { FAMILY_CONFIGS } from '../checkpoints/family-configs.ts';

// All that happens to chats and to what is kept of them, in any order.

/** The smallest of all random models. */
const LEAST_VOCABULARY = Math.min(...Object.values(FAMILY_CONFIGS).map((config) => architectureOf(config).vocabSize));

/** What a question begins with, an answer, and what ends both. */
export const [QUESTION, ANSWER, END] = [1, 2, 3];

/** Tokens of a text: none of those that mark its ends. */
export const textTokens = (from: number, to: number) =>
  fc.array(fc.integer({ min: 4, max: LEAST_VOCABULARY - 1 }), { minLength: from, maxLength: to });

const chosen = fc.nat({ max: 99 });
const answer = textTokens(1, 9);

const STEPS = {
  append: fc.record({ kind: fc.constant('append' as const), chat: chosen, text: textTokens(1, 40), answer }),
  edit: fc.record({ kind: fc.constant('edit' as const), chat: chosen, turn: chosen, text: textTokens(1, 60), answer }),
  branch: fc.record({
    kind: fc.constant('branch' as const),
    chat: chosen,
    turn: chosen,
    text: textTokens(1, 20),
    answer,
  }),
  regenerate: fc.record({ kind: fc.constant('regenerate' as const), chat: chosen, answer }),
  abort: fc.record({ kind: fc.constant('abort' as const), chat: chosen, text: textTokens(40, 90) }),
  /** States on the GPU make room for something else. */
  evict: fc.record({ kind: fc.constant('evict' as const) }),
  /** The engine rests, and the browser keeps what is to be kept. */
  save: fc.record({ kind: fc.constant('save' as const) }),
  /** The page is opened again. */
  reload: fc.record({ kind: fc.constant('reload' as const) }),
  /** The live sequence becomes bytes; and these become the live sequence. */
  export: fc.record({ kind: fc.constant('export' as const) }),
  import: fc.record({ kind: fc.constant('import' as const) }),
  /** The GPU is lost. */
  lose: fc.record({ kind: fc.constant('lose' as const) }),
};

export type StepKind = keyof typeof STEPS;
export type ChatStep = (typeof STEPS)[StepKind] extends fc.Arbitrary<infer One> ? One : never;

export const STEP_KINDS = Object.keys(STEPS) as StepKind[];

const arbitraryStep = (kind: StepKind): fc.Arbitrary<ChatStep> => STEPS[kind];
const more = fc.oneof(
  { weight: 3, arbitrary: STEPS.append },
  { weight: 2, arbitrary: STEPS.edit },
  { weight: 2, arbitrary: STEPS.branch },
  { weight: 1, arbitrary: STEPS.regenerate },
  { weight: 1, arbitrary: STEPS.save },
);

/** A visit that ends, and the next one: what was kept of a chat comes back. */
const visits = fc
  .tuple(STEPS.append, STEPS.save, fc.oneof(STEPS.reload, STEPS.lose), STEPS.append)
  .map(([before, save, end, after]) => [before, save, end, { ...after, chat: before.chat }]);

/** Each kind of step once, and a few of the usual ones besides, in any order between a first question and another visit. */
export const chatSteps: fc.Arbitrary<ChatStep[]> = fc
  .tuple(STEPS.append, fc.tuple(...STEP_KINDS.map(arbitraryStep)), fc.array(more, { maxLength: 5 }), visits)
  .chain(([first, each, others, last]) => {
    const all = [...each, ...others];
    return fc.shuffledSubarray(all, { minLength: all.length }).map((steps) => [first, ...steps, ...last]);
  });
