import type { AttentionDims } from '../kernels/attention/attention-shape.ts';
import type { Mamba2Dims } from '../kernels/mamba2/mamba2-shape.ts';
import { BambaError } from '../errors.ts';
import { type Architecture, attentionLayer, ropeOf } from '../architecture/architecture.ts';

const NO_LIMIT = 3e38;

/** The dimensions for the Mamba-2 kernels, or null for a model without such blocks. */
export function mamba2Dims({ mamba2 }: Architecture): Mamba2Dims | null {
  if (!mamba2) return null;
  const { heads, headDim, stateSize, groups, dtLimit, gateLast } = mamba2;
  const limits = { dtLo: dtLimit.lo, dtHi: dtLimit.hi ?? NO_LIMIT };
  return { heads, headDim, stateSize, groups, ...limits, ...(gateLast && { gateLast }) };
}

/** The dimensions for the attention kernels, or null for a model without attention. */
export function attentionDims(architecture: Architecture, block = 0): AttentionDims | null {
  const { attention } = architecture;
  if (!attention) return null;
  const { heads, kvHeads, headDim, scale, window, scoreCap } = attention;
  return {
    heads,
    kvHeads,
    headDim,
    scale,
    ropeDims: ropeOf(architecture, block)?.dims ?? 0,
    ...(window !== undefined && attentionLayer(architecture, block).window && { window }),
    ...(scoreCap !== undefined && { scoreCap }),
  };
}

/**
 * Checks that the kernels can run the architecture.
 * @throws BambaError `unsupported_model` that names the dimension.
 */
export function checkArchitecture(architecture: Architecture): void {
  const require = (holds: boolean, what: string) => {
    if (!holds) throw new BambaError('unsupported_model', `bamba-web cannot run this model: ${what}.`);
  };
  const fours: [string, number | undefined][] = [
    ['the hidden size', architecture.hiddenSize],
    ['the intermediate size', architecture.intermediateSize],
    ['the intermediate size of its shared transformer', architecture.shared?.intermediateSize],
    ['the rank of its adapters', architecture.shared?.adapterRank],
    ["the experts' intermediate size", architecture.moe?.intermediateSize],
    ['the width that its experts read', architecture.moe?.latentSize],
    ['the intermediate size beside its experts', architecture.moe?.besideSize],
    ['the Mamba head dimension', architecture.mamba2?.headDim],
    ['the state size', architecture.mamba2?.stateSize ?? architecture.mamba1?.stateSize],
    [
      'the inner width of a head of its Mamba-1 mixers',
      architecture.mamba1 && architecture.mamba1.inner / (architecture.mamba1.heads ?? 1),
    ],
    ['the key width of its gated delta heads', architecture.gatedDelta?.keyDim],
    ['the value width of its gated delta heads', architecture.gatedDelta?.valueDim],
    [
      'the width of a head of its recurrent blocks',
      architecture.rgLru && architecture.rgLru.width / architecture.rgLru.heads,
    ],
    ['the attention head dimension', architecture.attention?.headDim],
  ];
  for (const [name, size] of fours) {
    require(size === undefined || size % 4 === 0, `${name}, ${size}, is not a multiple of 4`);
  }
  const { mamba2, mamba1, gatedDelta, attention, moe } = architecture;
  if (mamba2) {
    require(mamba2.convWidth === 4, `its convolution is ${mamba2.convWidth} wide, not 4`);
    require(mamba2.stateSize <= 256, `its state size, ${mamba2.stateSize}, is above 256`);
    const groups = mamba2.normGroups ?? 1;
    require(mamba2.heads % groups === 0, `the ${groups} groups of its gated norm do not hold whole heads`);
  }
  if (mamba1) require(mamba1.stateSize <= 256, `its state size, ${mamba1.stateSize}, is above 256`);
  if (gatedDelta)
    require(gatedDelta.keyDim <= 256, `the key width of its gated delta heads, ${gatedDelta.keyDim}, is above 256`);
  const rgLruHead = architecture.rgLru ? architecture.rgLru.width / architecture.rgLru.heads : 0;
  require(rgLruHead <= 1024, `the width of a head of its recurrent blocks, ${rgLruHead}, is above 1024`);
  if (attention) {
    require(attention.headDim <= 256, `its attention head dimension, ${attention.headDim}, is above 256`);
    require(attention.heads <= 128, `it has ${attention.heads} query heads, more than 128`);
    const rows = attention.heads / attention.kvHeads;
    require(rows * Math.ceil(attention.headDim / 32) <= 128, `${rows} query heads share a key head`);
    require(!attention.sinks, 'its attention has sinks');
  }
  const { norm, normPlaces } = architecture;
  require(norm !== 'layer' || !normPlaces?.some((place) => place !== 'before'), 'it has LayerNorms behind branches');
  if (moe) require(moe.experts <= 512, `it has ${moe.experts} experts, more than 512`);
}
