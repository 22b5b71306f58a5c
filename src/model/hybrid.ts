import type { BufferSlice } from '../gpu/buffers.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { embed } from '../kernels/shared/embed.ts';
import { embedToNorm } from '../kernels/shared/embed_to_norm.ts';
import { f32Product } from '../kernels/projections/matmul.ts';
import type { Matrix } from '../kernels/projections/matrix.ts';
import { normedMatvec } from '../kernels/projections/normed_matvec.ts';
import { multiplyRows } from '../kernels/projections/projection.ts';
import { rmsNorm } from '../kernels/norms/rms_norm.ts';
import { rmsNormMatvec } from '../kernels/projections/rms_norm_matvec.ts';
import { type Branch, isMixing, normName, type Sublayer } from '../architecture/architecture.ts';
import { attention } from './branches/attention.ts';
import { gatedDelta } from './branches/gated-delta.ts';
import { mamba1 } from './branches/mamba1.ts';
import { mamba2 } from './branches/mamba2.ts';
import { relu2, swiglu } from './branches/mlp.ts';
import { moe } from './branches/moe.ts';
import { shared } from './branches/shared.ts';
import { shortConv } from './branches/short-conv.ts';
import type { BranchPlan, Scope, StreamNorm } from './scope.ts';

// The forward pass of a model as lists of dispatches, one list for a chunk of T tokens and one for T = 1. For every
// sublayer x = x + branch(norm(x)), of branches side by side x = x + branch(n) + other(n) with n = norm(x).

const BRANCHES: Readonly<Record<Branch, BranchPlan>> = {
  shared,
  mamba2,
  mamba1,
  short_conv: shortConv,
  gated_delta: gatedDelta,
  attention,
  swiglu,
  relu2,
  moe,
};

function embeddingTable({ architecture, weights }: Scope): Matrix {
  return weights.matrix('embedding', architecture.vocabSize, architecture.hiddenSize);
}

/** x = embedding[ids] of T tokens. */
export function prefillEmbedding(scope: Scope): DispatchSpec[] {
  const { ids, x } = scope.activations;
  return [...embedInto(scope, { ids, weights: embeddingTable(scope), x }), ...keptEmbedding(scope)];
}

function embedInto(scope: Scope, buffers: { ids: BufferSlice; weights: Matrix; x: BufferSlice }): DispatchSpec[] {
  return embed(scope.features, 'embedding', buffers, scope.architecture.embeddingScale);
}

/** The embeddings once more, where blocks read them beside the stream. */
function keptEmbedding(scope: Scope): DispatchSpec[] {
  const { ids, shared: kept } = scope.activations;
  return kept ? embedInto(scope, { ids, weights: embeddingTable(scope), x: kept.embedded }) : [];
}

function headMatrix({ architecture, weights }: Scope): Matrix {
  const name = architecture.tiedHead ? 'embedding' : 'head';
  return weights.matrix(name, architecture.vocabSize, architecture.hiddenSize);
}

function finalNorm({ architecture, weights }: Scope): BufferSlice {
  return weights.plain('final_norm', architecture.hiddenSize);
}

/** logits (V) of the last token of a pass over T tokens: final norm and head. */
export function prefillHead(scope: Scope): DispatchSpec[] {
  const { architecture, features, activations } = scope;
  const { x, logits } = activations;
  const buffers = { x, normWeight: finalNorm(scope), weights: headMatrix(scope), y: logits };
  return rmsNormMatvec(features, 'head', buffers, { eps: architecture.normEps, scale: architecture.logitScale });
}

/** h = final norm of x, logits (T, V) of all tokens of the pass. */
export function headOfAll(scope: Scope, logits: BufferSlice): DispatchSpec[] {
  const { architecture, features, pass, activations } = scope;
  const { hiddenSize: columns, normEps: eps, logitScale: scale } = architecture;
  const { x, h } = activations;
  const product = { x: h, weights: headMatrix(scope), y: logits };
  const toLogits = { product: f32Product, action: 'set' } as const;
  return [
    rmsNorm(features, 'head', { x, weight: finalNorm(scope), y: h }, { columns, eps }),
    ...multiplyRows(features, 'head', toLogits, product, { pass, normed: true, scale }),
  ];
}

function sublayerNorm({ architecture, weights }: Scope, block: number, sublayer: Sublayer): BufferSlice {
  return weights.plain(normName(block, sublayer), architecture.hiddenSize);
}

/** One block over T tokens. */
export function prefillBlock(scope: Scope, block: number): DispatchSpec[] {
  const { architecture, features, activations } = scope;
  const { hiddenSize: columns, normEps: eps } = architecture;
  const { x, h } = activations;
  return architecture.blocks[block]!.flatMap((sublayer) => {
    const label = `block ${block} / ${isMixing(sublayer) ? sublayer[0] : 'mlp'}`;
    const norm = { x, weight: sublayerNorm(scope, block, sublayer), y: h };
    return [
      // A shared transformer norms what it adds to.
      ...(sublayer.includes('shared') ? [] : [rmsNorm(features, label, norm, { columns, eps })]),
      ...sublayer.flatMap((kind) => BRANCHES[kind].prefill(scope, block)),
    ];
  });
}

// Decode. A vector reaches a norm as h = x * norm_weight with partial sums of squares (shaders/lib/to_norm.wgsl), so each
// step names the norm that follows it.

/** The norm after a sublayer: of the next one in this block or in the next, or the final one. */
function normAfter(scope: Scope, block: number, index: number): BufferSlice {
  const { blocks } = scope.architecture;
  const inBlock = blocks[block]![index + 1];
  if (inBlock) return sublayerNorm(scope, block, inBlock);
  const inNext = blocks[block + 1]?.[0];
  return inNext ? sublayerNorm(scope, block + 1, inNext) : finalNorm(scope);
}

/** x and h of one token. */
export function decodeEmbedding(scope: Scope): DispatchSpec[] {
  const { features, activations, architecture } = scope;
  const { ids, x, h, squares } = activations;
  const normWeight = sublayerNorm(scope, 0, architecture.blocks[0]![0]!);
  const buffers = { ids, weights: embeddingTable(scope), normWeight, x, h, squares };
  const { embeddingScale } = architecture;
  return [...embedToNorm(features, 'embedding', buffers, embeddingScale), ...keptEmbedding(scope)];
}

/** One block over one token. */
export function decodeBlock(scope: Scope, block: number): DispatchSpec[] {
  return scope.architecture.blocks[block]!.flatMap((sublayer, index) => {
    // Before the first stands the embedding, which leaves one sum, or a shared transformer.
    const isEntry = block === 0 && index === 0 && !sublayer.includes('shared');
    const norm = isEntry ? { ...streamNorm(scope), squares: 1 } : streamNorm(scope);
    const nextNorm = normAfter(scope, block, index);
    return [
      ...sublayer.flatMap((kind) => BRANCHES[kind].decodeRead(scope, block, norm)),
      ...sublayer.flatMap((kind) => BRANCHES[kind].decodeAdd(scope, block, nextNorm)),
    ];
  });
}

/** logits (V) of one token. */
export function decodeHead(scope: Scope): DispatchSpec[] {
  const { h, squares, logits } = scope.activations;
  const options = { ...streamNorm(scope), scale: scope.architecture.logitScale };
  return normedMatvec(scope.features, 'head', { h, squares, weights: headMatrix(scope), y: logits }, options);
}

/** How the last to write the residual stream left it: a sum of squares for every four rows. */
function streamNorm({ architecture }: Scope): StreamNorm {
  return { squares: architecture.hiddenSize / 4, eps: architecture.normEps };
}
