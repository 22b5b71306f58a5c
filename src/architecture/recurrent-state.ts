import type { Architecture, Block } from './architecture.ts';

// The state that mixers keep of a sequence, whatever its length: past inputs of a convolution, and mostly a state
// behind it.

/** Mixers with such a state. */
export const RECURRENT = ['mamba2', 'mamba1', 'short_conv', 'gated_delta', 'rg_lru'] as const;
export type Recurrent = (typeof RECURRENT)[number];

/** Past inputs are kept in a ring of so many columns: column q % 4 holds the raw input of position q. */
export const CONV_RING = 4;

/** The shape of a mixer's state. */
export interface RecurrentShape {
  /** Channels of the convolution. */
  channels: number;
  /** K: its inputs of the last K - 1 tokens count. */
  convWidth: number;
  /** The shape of the state behind it; null where there is none. */
  ssm: readonly number[] | null;
}

/** The parts of an architecture that states depend on. */
type Shapes = Pick<Architecture, 'hiddenSize' | 'mamba2' | 'mamba1' | 'shortConv' | 'gatedDelta' | 'rgLru'>;

const SHAPES: Readonly<Record<Recurrent, (shapes: Shapes) => RecurrentShape>> = {
  mamba2({ mamba2 }) {
    const { heads, headDim, stateSize, groups, convWidth } = mamba2!;
    const channels = heads * headDim + 2 * groups * stateSize;
    return { channels, convWidth, ssm: [heads, headDim, stateSize] };
  },
  mamba1({ mamba1 }) {
    const { inner, stateSize, convWidth } = mamba1!;
    return { channels: inner, convWidth, ssm: [inner, stateSize] };
  },
  short_conv: ({ hiddenSize, shortConv }) => ({ channels: hiddenSize, convWidth: shortConv!.convWidth, ssm: null }),
  gated_delta({ gatedDelta }) {
    const { keyHeads, valueHeads, keyDim, valueDim, convWidth } = gatedDelta!;
    const channels = 2 * keyHeads * keyDim + valueHeads * valueDim;
    return { channels, convWidth, ssm: [valueHeads, keyDim, valueDim] };
  },
  rg_lru: ({ rgLru }) => ({ channels: rgLru!.width, convWidth: rgLru!.convWidth, ssm: [rgLru!.width] }),
};

/** The shape of the state of mixers of one kind. The architecture has to have its shape. */
export function recurrentShape(shapes: Shapes, kind: Recurrent): RecurrentShape {
  return SHAPES[kind](shapes);
}

/** The recurrent mixer of a block: there is at most one. */
export function recurrentOf(block: Block): Recurrent | null {
  const kinds = block.flat();
  return RECURRENT.find((kind) => kinds.includes(kind)) ?? null;
}
