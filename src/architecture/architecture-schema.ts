import * as v from 'valibot';
import { BambaError } from '../errors.ts';
import {
  ACTIVATIONS,
  type Architecture,
  type AttentionLayer,
  BIASED,
  type Block,
  type Branch,
  hasBranch,
  isMixing,
  MIXERS,
  MLPS,
  NORM_PLACES,
} from './architecture.ts';
import { CONV_RING } from './recurrent-state.ts';

// The checks of an architecture, wherever it comes from: a config.json, or the manifest of a package.

const MOST_BLOCKS = 1024;
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(2 ** 24));
const finite = v.pipe(v.number(), v.finite());
const positive = v.pipe(finite, v.gtValue(0));

const sublayerSchema = v.pipe(v.array(v.picklist([...MIXERS, ...MLPS])), v.minLength(1), v.maxLength(4));
/** A block may also be the name of a mixer: short for that mixer with a SwiGLU MLP after it. */
const blockSchema = v.union([
  v.pipe(
    v.picklist(['mamba2', 'attention']),
    v.transform((mixer): Block => [[mixer], ['swiglu']]),
  ),
  v.pipe(v.array(sublayerSchema), v.minLength(1), v.maxLength(2)),
]);

const ropeSchema = v.object({
  dims: size,
  inverseFrequencies: v.pipe(v.array(v.pipe(finite, v.minValue(0))), v.maxLength(4096)),
  attentionFactor: positive,
  origin: v.optional(
    v.object({ type: v.pipe(v.string(), v.maxLength(40)), factor: positive, base: positive, positions: size }),
  ),
});

const architectureSchema = v.object({
  family: v.string(),
  vocabSize: size,
  hiddenSize: size,
  intermediateSize: v.union([size, v.literal(0)]),
  blocks: v.pipe(v.array(blockSchema), v.minLength(1), v.maxLength(MOST_BLOCKS)),
  mamba2: v.nullable(
    v.object({
      heads: size,
      headDim: size,
      stateSize: size,
      groups: size,
      convWidth: v.literal(4),
      normGroups: v.nullable(size),
      gateLast: v.optional(v.literal(true)),
      dtLimit: v.object({ lo: v.pipe(finite, v.minValue(0)), hi: v.nullable(positive) }),
    }),
  ),
  attention: v.nullable(
    v.object({
      heads: size,
      kvHeads: size,
      headDim: size,
      scale: positive,
      rope: v.nullable(ropeSchema),
      qkvLimit: v.optional(positive),
      gated: v.optional(v.literal(true)),
      qkNorm: v.optional(v.picklist(['head', 'width'])),
      scoreCap: v.optional(positive),
      sinks: v.optional(v.literal(true)),
      window: v.optional(size),
      localRope: v.optional(ropeSchema),
      layers: v.optional(
        v.pipe(
          v.array(v.object({ window: v.boolean(), rope: v.picklist(['main', 'local', 'none']) })),
          v.maxLength(MOST_BLOCKS),
        ),
      ),
    }),
  ),
  mamba1: v.optional(
    v.object({
      inner: size,
      stateSize: size,
      dtRank: size,
      convWidth: v.literal(4),
      normEps: positive,
      norms: v.optional(v.picklist(['none', 'weighted'])),
      heads: v.optional(size),
    }),
  ),
  shortConv: v.optional(v.object({ convWidth: v.pipe(size, v.minValue(2), v.maxValue(CONV_RING)) })),
  gatedDelta: v.optional(
    v.object({
      keyHeads: size,
      valueHeads: size,
      keyDim: size,
      valueDim: size,
      convWidth: v.literal(4),
      betaScale: positive,
      normEps: positive,
    }),
  ),
  rgLru: v.optional(v.object({ width: size, heads: size, convWidth: v.literal(4) })),
  shared: v.optional(
    v.object({
      sets: size,
      intermediateSize: size,
      adapterRank: v.union([size, v.literal(0)]),
      attentionAdapters: v.optional(v.literal(true)),
    }),
  ),
  moe: v.optional(
    v.object({
      experts: size,
      topK: size,
      intermediateSize: size,
      routing: v.optional(
        v.object({
          scores: v.picklist(['softmax', 'sigmoid']),
          biased: v.boolean(),
          sumEps: v.nullable(v.pipe(finite, v.minValue(0))),
          scale: positive,
          groups: size,
          keptGroups: size,
        }),
      ),
      ungated: v.optional(v.literal(true)),
      latentSize: v.optional(size),
      besideSize: v.optional(size),
      sharedGate: v.optional(v.literal(true)),
    }),
  ),
  normEps: positive,
  norm: v.optional(v.literal('layer')),
  normPlaces: v.optional(v.pipe(v.array(v.picklist(NORM_PLACES)), v.maxLength(MOST_BLOCKS))),
  activation: v.optional(v.picklist(ACTIVATIONS)),
  biases: v.optional(v.pipe(v.array(v.picklist(BIASED)), v.maxLength(BIASED.length))),
  tiedHead: v.boolean(),
  embeddingScale: v.optional(positive, 1),
  logitScale: v.optional(positive, 1),
  logitCap: v.optional(positive),
  maxPositions: size,
});

/**
 * Architecture of a package's manifest, validated.
 * @throws BambaError `manifest_invalid`.
 */
export function readArchitecture(json: unknown): Architecture {
  const parsed = v.safeParse(architectureSchema, json, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new BambaError(
      'manifest_invalid',
      `In manifest.json, architecture.${v.getDotPath(issue) ?? ''} is damaged: ${issue.message.slice(0, 200)}.`,
    );
  }
  return checkConsistency(parsed.output, 'manifest_invalid', 'manifest.json');
}

/** No matrix of a model that a browser could run has more elements. */
const MOST_ELEMENTS = 2 ** 40;
/** Experts and heads, of which tensors are listed one by one. No model has as many. */
const MOST_PARTS = 4096;

/**
 * Checks the relations between the fields.
 * @throws BambaError `code`, naming `file`.
 */
export function checkConsistency(
  architecture: Architecture,
  code: 'config_invalid' | 'manifest_invalid',
  file: string,
): Architecture {
  const demand = (holds: boolean, sentence: string) => {
    if (!holds) throw new BambaError(code, `${file} describes no possible model: ${sentence}.`);
  };
  const {
    vocabSize,
    hiddenSize,
    intermediateSize,
    blocks,
    mamba2,
    mamba1,
    shortConv,
    gatedDelta,
    rgLru,
    attention,
    shared,
    moe,
  } = architecture;
  for (const block of blocks) checkBlock(block, demand);
  const { normPlaces } = architecture;
  demand(normPlaces === undefined || normPlaces.length === blocks.length, 'its norms are not those of each block');
  const isPlain = normPlaces === undefined && architecture.norm === undefined;
  demand(isPlain || shared === undefined, 'shared transformers have to stand behind RMSNorms');
  const together = (kinds: readonly Branch[], shape: boolean, what: string) => {
    const used = kinds.some((kind) => hasBranch(blocks, kind));
    demand(used === shape, `${what} and their shape have to come together`);
  };
  together(['mamba2'], mamba2 !== null, 'Mamba-2 blocks');
  together(['mamba1'], mamba1 !== undefined, 'Mamba-1 blocks');
  together(['short_conv'], shortConv !== undefined, 'short convolutions');
  together(['gated_delta'], gatedDelta !== undefined, 'gated delta mixers');
  together(['rg_lru'], rgLru !== undefined, 'recurrent blocks');
  together(['attention', 'shared'], attention !== null, 'attention blocks');
  together(['shared'], shared !== undefined, 'shared transformers');
  together(['swiglu', 'relu2'], intermediateSize > 0, 'MLPs');
  together(['moe'], moe !== undefined, 'mixtures of experts');
  const parts = [moe?.experts, attention?.heads, gatedDelta?.valueHeads, gatedDelta?.keyHeads, mamba1?.heads];
  demand(Math.max(...parts.map((count) => count ?? 1)) <= MOST_PARTS, 'it has more heads or experts than any model');
  let widest = Math.max(vocabSize, 2 * intermediateSize);
  if (mamba2) {
    const { heads, headDim, stateSize, groups, normGroups, dtLimit } = mamba2;
    demand(heads % groups === 0, `${groups} groups do not divide ${heads} Mamba-2 heads`);
    demand((heads * headDim) % (normGroups ?? 1) === 0, `${normGroups} norm groups do not divide the inner width`);
    demand(normGroups !== null || !mamba2.gateLast, 'a gate stands behind a norm that its Mamba-2 blocks do not have');
    demand(dtLimit.hi === null || dtLimit.lo < dtLimit.hi, 'the limits of dt do not ascend');
    widest = Math.max(widest, 2 * heads * headDim + 2 * groups * stateSize + heads);
  }
  if (mamba1) {
    const { inner, stateSize, dtRank, heads = 1, norms } = mamba1;
    demand(inner % heads === 0, `${heads} heads do not divide the ${inner} channels of its Mamba-1 mixers`);
    demand(heads === 1 || norms === 'none', 'Mamba-1 mixers of several heads have no norms of their own');
    widest = Math.max(widest, 2 * inner, heads * (dtRank + 3 + 2 * stateSize));
  }
  if (gatedDelta) {
    const { keyHeads, valueHeads, keyDim, valueDim } = gatedDelta;
    demand(valueHeads % keyHeads === 0, `${keyHeads} key heads do not divide ${valueHeads} value heads`);
    widest = Math.max(widest, 2 * keyHeads * keyDim + 2 * valueHeads * (valueDim + 1));
  }
  if (rgLru) {
    demand(
      rgLru.width % rgLru.heads === 0,
      `${rgLru.heads} heads do not divide the ${rgLru.width} channels of its recurrent blocks`,
    );
    widest = Math.max(widest, 2 * rgLru.width, (2 * rgLru.width) / rgLru.heads);
  }
  if (attention) {
    const { heads, kvHeads, headDim, rope, localRope, layers } = attention;
    demand(heads % kvHeads === 0, `${kvHeads} KV heads do not divide ${heads} query heads`);
    for (const turn of [rope, localRope]) {
      demand(
        !turn || (turn.dims <= headDim && turn.inverseFrequencies.length * 2 === turn.dims),
        'the rotary embedding does not fit the heads',
      );
    }
    demand(layers === undefined || layers.length === blocks.length, 'attention is not that of each block');
    const has = (what: 'window' | 'localRope') => attention[what] !== undefined;
    const uses = (used: (layer: AttentionLayer) => boolean) => layers?.some(used) ?? false;
    demand(has('window') === uses(({ window }) => window), 'blocks with a window and its length have to come together');
    demand(
      has('localRope') === uses(({ rope: turn }) => turn === 'local'),
      'blocks that turn in another way and how have to come together',
    );
    widest = Math.max(widest, (heads + 2 * kvHeads) * headDim);
  }
  if (shared) {
    const uses = blocks.filter((block) => hasBranch([block], 'shared')).length;
    demand(!shared.attentionAdapters || shared.adapterRank > 0, 'adapters of its shared attention have no width');
    demand(shared.sets <= uses, `${uses} blocks cannot take ${shared.sets} sets of shared weights in turn`);
    widest = Math.max(widest, 2 * shared.intermediateSize, 3 * shared.adapterRank, 2 * hiddenSize);
  }
  if (moe) {
    demand(moe.topK <= moe.experts, `a token cannot go to ${moe.topK} of ${moe.experts} experts`);
    const { groups, keptGroups, scores, biased } = moe.routing ?? {
      groups: 1,
      keptGroups: 1,
      scores: 'softmax',
      biased: false,
    };
    demand(
      moe.experts % groups === 0 && keptGroups <= groups,
      `${keptGroups} of ${groups} groups do not fit its experts`,
    );
    const choosable = (keptGroups * moe.experts) / groups;
    demand(moe.topK <= choosable, `a token cannot go to ${moe.topK} of the ${choosable} experts of its groups`);
    demand(scores === 'sigmoid' || (!biased && groups === 1), 'only experts with sigmoids have biases and groups');
    const gated = blocks.every((block) =>
      block.every((sublayer) => !sublayer.includes('moe') || sublayer.join() === 'moe,swiglu'),
    );
    demand(!moe.sharedGate || gated, 'a gate of a shared expert has no MLP behind its mixture');
    demand(
      moe.besideSize === undefined || intermediateSize > 0,
      'MLPs beside experts alone have no width of their own',
    );
    widest = Math.max(widest, moe.besideSize ?? 0, moe.latentSize ?? 0);
    widest = Math.max(widest, moe.experts * Math.max(2 * moe.intermediateSize, hiddenSize));
  }
  demand(widest * Math.max(hiddenSize, intermediateSize) <= MOST_ELEMENTS, 'its matrices are beyond any device');
  return architecture;
}

function checkBlock(block: Block, demand: (holds: boolean, sentence: string) => void): void {
  const mixing = block.map(isMixing);
  demand(new Set(mixing).size === block.length, 'a block has two sublayers of the same sort');
  for (const [index, sublayer] of block.entries()) {
    demand(new Set(sublayer).size === sublayer.length, 'a sublayer has the same branch twice');
    demand(
      !sublayer.includes('shared') || (sublayer[0] === 'shared' && sublayer.length > 1),
      'a shared transformer does not come before a mixer that reads it',
    );
    demand(
      sublayer.every((kind) => isMixing([kind]) === mixing[index]),
      'a sublayer has mixers and MLPs side by side',
    );
  }
  demand(!block.flat().includes('swiglu') || !block.flat().includes('relu2'), 'a block has MLPs of two sorts');
}
