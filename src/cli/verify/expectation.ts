import type { Architecture } from '../../architecture/architecture.ts';
import { CONV_RING, recurrentOf, type RecurrentShape, recurrentShape } from '../../architecture/recurrent-state.ts';
import { emptyState, forward } from '../../reference/forward.ts';
import type { ReferenceTensors } from '../../reference/model.ts';
import { type Golden, goldenStage, invalid, type StatePart } from '../../tools/models/golden.ts';
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
type Shape = Pick<
  Architecture,
  | 'hiddenSize'
  | 'vocabSize'
  | 'blocks'
  | 'mamba2'
  | 'mamba1'
  | 'shortConv'
  | 'gatedDelta'
  | 'rgLru'
  | 'attention'
  | 'family'
>;

/** A tensor of rows by position: a channel is a column. */
export function byPosition(values: Tensor['values'], width: number): Tensor {
  return { values, width, channels: 'columns' };
}

/** What the recurrent mixer of block `index` keeps; null where there is none. */
function recurrentState(architecture: Shape, index: number): RecurrentShape | null {
  const kind = recurrentOf(architecture.blocks[index]!);
  return kind && recurrentShape(architecture, kind);
}

/** Columns of past inputs that the convolution of block `index` needs. */
export function pastColumns(architecture: Shape, index: number): number {
  return (recurrentState(architecture, index)?.convWidth ?? CONV_RING) - 1;
}

/** A part of the state of block `index` as it is compared: a channel is a row. */
export function stateTensor(architecture: Shape, index: number, part: StatePart, values: Tensor['values']): Tensor {
  const { attention } = architecture;
  const widths: Record<StatePart, number | undefined> = {
    conv: pastColumns(architecture, index),
    ssm: recurrentState(architecture, index)?.ssm?.at(-1),
    key_last: attention?.headDim,
    value_last: attention?.headDim,
  };
  return { values, width: widths[part] ?? values.length, channels: 'rows' };
}

/** Which parts of state block `index` keeps. */
export function stateParts(architecture: Shape, index: number): StatePart[] {
  const kinds = architecture.blocks[index]!.flat();
  const recurrent = recurrentState(architecture, index);
  const attends = kinds.includes('attention') || kinds.includes('shared');
  return [
    ...(recurrent ? (['conv'] as const) : []),
    ...(recurrent?.ssm ? (['ssm'] as const) : []),
    ...(attends ? (['key_last', 'value_last'] as const) : []),
  ];
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
        stateTensor(architecture, index, part, part === 'conv' ? pastOf(values, architecture, index) : values),
      ];
    });
  });
  return {
    positions,
    tensors: new Map([rows('logits', golden.logits, vocabSize), ...hidden, ...states]),
    greedy: greedy && { ids: greedy, margins: greedyMargin ?? greedy.map(() => Infinity) },
  };
}

/** Of (channels, K) or (channels, K - 1) raw inputs of block `index`, the last K - 1 of each channel. */
function pastOf(values: Float32Array, architecture: Shape, index: number): Float32Array {
  const columns = values.length / (recurrentState(architecture, index)?.channels ?? 1);
  const past = pastColumns(architecture, index);
  return values.filter((_, element) => element % columns >= columns - past);
}

/**
 * Past inputs of a convolution in the order of goldens.
 * @param ring (4, channels), column q % 4 of which holds the raw inputs of position q
 * @param past how many of each channel
 * @returns (channels, past)
 */
export function ringColumns<Values extends Tensor['values']>(ring: Values, position: number, past: number): Values {
  const channels = ring.length / CONV_RING;
  return ring.subarray(0, channels * past).map((_: number, index: number) => {
    const column = (position + CONV_RING - past + (index % past)) % CONV_RING;
    return ring[column * channels + Math.floor(index / past)]!;
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
  for (const [index, { attention, ...others }] of result.state.blocks.entries()) {
    const recurrent: { conv: Float64Array; ssm?: Float64Array } | undefined = Object.values(others)[0];
    const parts: Record<StatePart, Float64Array | undefined> = {
      conv: recurrent && ringColumns(recurrent.conv, ids.length, pastColumns(architecture, index)),
      ssm: recurrent?.ssm,
      key_last: attention?.keys.subarray(-kv),
      value_last: attention?.values.subarray(-kv),
    };
    for (const part of stateParts(architecture, index)) {
      tensors.set(`state.${index}.${part}`, stateTensor(architecture, index, part, parts[part]!));
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
