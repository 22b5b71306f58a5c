import type { Architecture } from '../../architecture/architecture.ts';
import { emptyState, forward } from '../../reference/forward.ts';
import type { ReferenceTensors } from '../../reference/model.ts';
import { type Golden, goldenStage, invalid, type StatePart } from '../../tools/golden.ts';
import type { Tensor, Tensors } from './tensors.ts';

// The expected results of a model in one form: those of another implementation, or of our reference in f64.

/** A greedy continuation, and for each of its tokens the gap between best and second-best logit. */
export interface Greedy {
  ids: number[];
  margins: number[];
}

/** The expected results of a model. */
export interface Expectation {
  /** Positions of the prompt whose logits and hidden states it has. */
  positions: readonly number[];
  tensors: Tensors;
  greedy: Greedy | null;
}

/** Widths by which tensors are divided into rows. */
type Shape = Pick<Architecture, 'hiddenSize' | 'vocabSize' | 'blocks' | 'mamba2' | 'mamba1' | 'attention' | 'family'>;

/** A tensor of rows by position: a channel is a column. */
export function byPosition(values: Tensor['values'], width: number): Tensor {
  return { values, width, channels: 'columns' };
}

/** Columns of past inputs that a convolution of width 4 needs. */
const PAST = 3;

/** A part of a block's state as it is compared: a channel is a row. */
export function stateTensor(architecture: Shape, part: StatePart, values: Tensor['values']): Tensor {
  const { mamba2, mamba1, attention } = architecture;
  const widths: Record<StatePart, number | undefined> = {
    conv: PAST,
    ssm: (mamba2 ?? mamba1)?.stateSize,
    key_last: attention?.headDim,
    value_last: attention?.headDim,
  };
  return { values, width: widths[part] ?? values.length, channels: 'rows' };
}

/** Which parts of state block `index` keeps. */
export function stateParts({ blocks }: Shape, index: number): StatePart[] {
  const kinds = blocks[index]!.flat();
  const recurrent = kinds.includes('mamba2') || kinds.includes('mamba1');
  const attends = kinds.includes('attention') || kinds.includes('shared');
  return [...(recurrent ? (['conv', 'ssm'] as const) : []), ...(attends ? (['key_last', 'value_last'] as const) : [])];
}

/**
 * A golden as what a model of this architecture is held to.
 * @throws BambaError `checkpoint_invalid` where it is of another shape, or has a state that the model does not have.
 */
export function fromGolden(golden: Golden, architecture: Shape): Expectation {
  const { hiddenSize, vocabSize, blocks } = architecture;
  const { logitPositions: positions, greedy, greedyMargin } = golden;
  const rows = (name: string, values: Float32Array, width: number): [string, Tensor] => {
    if (values.length === positions.length * width) return [name, byPosition(values, width)];
    throw invalid(`has ${values.length} values of ${name}, and ${positions.length} positions of ${width} are needed`);
  };
  if (golden.hidden.length > blocks.length + 1) {
    throw invalid(`has hidden.${golden.hidden.length - 1}, and the model has ${blocks.length} blocks`);
  }
  const hidden = golden.hidden.map((values, index) =>
    rows(`hidden.${goldenStage(architecture, index)}`, values, hiddenSize),
  );
  const states = [...golden.states].flatMap(([index, parts]) => {
    if (index >= blocks.length)
      throw invalid(`has a state of block ${index}, and the model has ${blocks.length} blocks`);
    return Object.entries(parts).map(([name, values]): [string, Tensor] => {
      const part = name as StatePart;
      if (!stateParts(architecture, index).includes(part)) {
        throw invalid(`has state.${index}.${part}, and block ${index} of the model keeps no such state`);
      }
      return [
        `state.${index}.${part}`,
        stateTensor(architecture, part, part === 'conv' ? pastOf(values, architecture) : values),
      ];
    });
  });
  return {
    positions,
    tensors: new Map([rows('logits', golden.logits, vocabSize), ...hidden, ...states]),
    greedy: greedy && { ids: greedy, margins: greedyMargin ?? greedy.map(() => Infinity) },
  };
}

/** Of (CD, K) or (CD, K - 1) raw inputs, the last three of each channel. */
function pastOf(values: Float32Array, { mamba2, mamba1 }: Shape): Float32Array {
  const channels = mamba2 ? mamba2.heads * mamba2.headDim + 2 * mamba2.groups * mamba2.stateSize : (mamba1?.inner ?? 1);
  const columns = values.length / channels;
  return values.filter((_, index) => index % columns >= columns - PAST);
}

/**
 * Past inputs of a convolution in the order of goldens.
 * @param ring (4, CD), column q % 4 of which holds the raw inputs of position q
 * @returns (CD, 3)
 */
export function ringColumns<Values extends Tensor['values']>(ring: Values, position: number): Values {
  const channels = ring.length / (PAST + 1);
  return ring.subarray(0, channels * PAST).map((_: number, index: number) => {
    const column = (position + 1 + (index % PAST)) % (PAST + 1); // position - 3 + (index % 3), modulo 4
    return ring[column * channels + Math.floor(index / PAST)]!;
  }) as Values;
}

/**
 * The results of our reference in f64 for a prompt, at every position, and its greedy continuation.
 * @param length tokens of the continuation
 */
export function fromReference(
  architecture: Architecture,
  weights: ReferenceTensors,
  ids: readonly number[],
  length: number,
): Expectation {
  const { hiddenSize, vocabSize } = architecture;
  const result = forward(architecture, weights, ids, emptyState(architecture));
  const tensors = new Map<string, Tensor>([['logits', byPosition(result.logits, vocabSize)]]);
  for (const [stage, values] of [...result.hidden, result.normed].entries()) {
    tensors.set(`hidden.${stage}`, byPosition(values, hiddenSize));
  }
  const kv = architecture.attention ? architecture.attention.kvHeads * architecture.attention.headDim : 0;
  for (const [index, { mamba2, mamba1, attention }] of result.state.blocks.entries()) {
    const recurrent = mamba2 ?? mamba1;
    const parts: Record<StatePart, Float64Array | undefined> = {
      conv: recurrent && ringColumns(recurrent.conv, ids.length),
      ssm: recurrent?.ssm,
      key_last: attention?.keys.subarray(-kv),
      value_last: attention?.values.subarray(-kv),
    };
    for (const part of stateParts(architecture, index)) {
      tensors.set(`state.${index}.${part}`, stateTensor(architecture, part, parts[part]!));
    }
  }
  const greedy: Greedy = { ids: [], margins: [] };
  let { logits, state } = result;
  while (greedy.ids.length < length) {
    const [best, second] = topTwo(logits.subarray(-vocabSize));
    greedy.ids.push(best.id);
    greedy.margins.push(best.logit - second.logit);
    if (greedy.ids.length < length) ({ logits, state } = forward(architecture, weights, [best.id], state));
  }
  return { positions: [...ids.keys()], tensors, greedy: length > 0 ? greedy : null };
}

/** The two largest logits (V). */
function topTwo(logits: Float64Array): [Best, Best] {
  let [best, second]: [Best, Best] = [NONE, NONE];
  for (const [id, logit] of logits.entries()) {
    if (logit > best.logit) [best, second] = [{ id, logit }, best];
    else if (logit > second.logit) second = { id, logit };
  }
  return [best, second];
}

interface Best {
  id: number;
  logit: number;
}
const NONE: Best = { id: 0, logit: -Infinity };
