import { forward, forwardSteps, readState } from '../../model/forward.ts';
import { decodeCache } from '../../reference/kv_cache.ts';
import type { Model } from '../../model/model.ts';
import type { StatePart } from '../../tools/models/golden.ts';
import { byPosition, pastColumns, ringColumns, stateParts, stateTensor } from './expectation.ts';
import type { Tensor, Tensors } from './tensors.ts';

// Ways through a prompt: in chunks, which the prompt's kernels compute, and in single steps, by those of decoding.

/** Tokens that are run in one piece, or one by one. */
export interface Piece {
  by: 'chunk' | 'steps';
  tokens: number;
}

/** A way through a prompt of `tokens` tokens, from an empty state. */
export type Way = readonly Piece[];

/** Where prompts are cut in two. */
export const SPLITS = [1, 2, 3, 63, 64, 65, 255, 256, 257];
/** From where on tokens are decoded. */
export const STARTS = ['0', '1', '7', 'half', 'all but one'] as const;
/** Longest run of steps that does not begin at 0; what is left of a longer prompt follows as a chunk. */
export const MOST_STEPS = 24;
/** Chunks and steps in turn, over and over. */
const TURNS: Way = [
  { by: 'chunk', tokens: 3 },
  { by: 'steps', tokens: 1 },
  { by: 'chunk', tokens: 17 },
  { by: 'steps', tokens: 2 },
  { by: 'chunk', tokens: 1 },
  { by: 'steps', tokens: 3 },
  { by: 'chunk', tokens: 64 },
  { by: 'steps', tokens: 1 },
];

const chunk = (tokens: number): Piece => ({ by: 'chunk', tokens });
const steps = (tokens: number): Piece => ({ by: 'steps', tokens });

/** The ways through a prompt that are compared. */
export interface Ways {
  /** In two chunks. */
  splits: Way[];
  /** With steps. */
  steps: Way[];
}

/**
 * Ways through a prompt of so many tokens besides the one in one piece. It is cut at each of its `SPLITS`, goes in steps
 * from each of `STARTS` on, and in chunks and steps in turn.
 */
export function allWays(tokens: number): Ways {
  const splits = SPLITS.filter((split) => split < tokens).map((split) => [chunk(split), chunk(tokens - split)]);
  const places: Record<(typeof STARTS)[number], number> = {
    '0': 0,
    '1': 1,
    '7': 7,
    half: Math.floor(tokens / 2),
    'all but one': tokens - 1,
  };
  const starts = [...new Set(STARTS.map((name) => places[name]))].filter((start) => start < tokens);
  return { splits, steps: [...starts.map((start) => stepsFrom(start, tokens)), inTurn(tokens)] };
}

/** Few of them, for tests: cut after three tokens, in steps from the middle on, and in turn. */
export function fewWays(tokens: number): Ways {
  const cut = Math.min(3, tokens - 1);
  const splits = cut > 0 ? [[chunk(cut), chunk(tokens - cut)]] : [];
  return { splits, steps: [stepsFrom(Math.floor(tokens / 2), tokens), inTurn(tokens)] };
}

function stepsFrom(start: number, tokens: number): Way {
  const run = start === 0 ? tokens : Math.min(tokens - start, MOST_STEPS);
  return [chunk(start), steps(run), chunk(tokens - start - run)].filter((piece) => piece.tokens > 0);
}

function inTurn(tokens: number): Way {
  const pieces: Piece[] = [];
  for (let left = tokens, turn = 0; left > 0; turn++) {
    const { by, tokens: most } = TURNS[turn % TURNS.length]!;
    pieces.push({ by, tokens: Math.min(most, left) });
    left -= Math.min(most, left);
  }
  return pieces;
}

/** Single steps of a way. */
export function stepsOf(way: Way): number {
  return way.reduce((sum, { by, tokens }) => sum + (by === 'steps' ? tokens : 0), 0);
}

/** Runs a prompt on a way, from an empty state. @returns logits and hidden states of all positions, and the final states. */
export async function runWay(model: Model, ids: readonly number[], way: Way): Promise<Tensors> {
  const { vocabSize, hiddenSize, blocks } = model.architecture;
  const logits = new Float32Array(ids.length * vocabSize);
  const hidden = Array.from({ length: blocks.length + 2 }, () => new Float32Array(ids.length * hiddenSize));
  model.state.reset();
  let begin = 0;
  for (const { by, tokens } of way) {
    const run = by === 'chunk' ? forward : forwardSteps;
    const result = await run(model, ids.slice(begin, begin + tokens), { hidden: true });
    logits.set(result.logits, begin * vocabSize);
    for (const [stage, values] of result.hidden.entries()) hidden[stage]!.set(values, begin * hiddenSize);
    begin += tokens;
  }
  const tensors = new Map<string, Tensor>([['logits', byPosition(logits, vocabSize)]]);
  for (const [stage, values] of hidden.entries()) tensors.set(`hidden.${stage}`, byPosition(values, hiddenSize));
  for (const [name, state] of await readStates(model)) tensors.set(name, state);
  return tensors;
}

/** States of all blocks after the live sequence, as they are compared. */
async function readStates(model: Model): Promise<[string, Tensor][]> {
  const { architecture, state } = model;
  const { kvHeads, headDim } = architecture.attention ?? { kvHeads: 0, headDim: 0 };
  const tensors: [string, Tensor][] = [];
  for (const index of architecture.blocks.keys()) {
    const parts = stateParts(architecture, index);
    if (parts.length === 0) continue;
    const read = await readState(model, index, decodeCache);
    const last = (values: Float32Array) => values.subarray((state.position - 1) * kvHeads * headDim);
    const values: Record<StatePart, () => Float32Array> = {
      conv: () => ringColumns(read['conv']!, state.position, pastColumns(architecture, index)),
      ssm: () => read['ssm']!,
      key_last: () => last(read['keys']!),
      value_last: () => last(read['values']!),
    };
    for (const part of parts) {
      tensors.push([`state.${index}.${part}`, stateTensor(architecture, index, part, values[part]())]);
    }
  }
  return tensors;
}

/** Of tensors of all positions, the rows at some; states as they are. */
export function atPositions(tensors: Tensors, positions: readonly number[]): Tensors {
  return new Map(
    [...tensors].map(([name, tensor]): [string, Tensor] => {
      if (name.startsWith('state.')) return [name, tensor];
      const { values, width } = tensor;
      const rows = new (values.constructor as Float32ArrayConstructor)(positions.length * width);
      for (const [row, position] of positions.entries()) {
        rows.set(values.subarray(position * width, (position + 1) * width), row * width);
      }
      return [name, { ...tensor, values: rows }];
    }),
  );
}
