import type { BufferSlice } from '../gpu/buffers.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { embed } from '../kernels/shared/embed.ts';
import { embedToNorm } from '../kernels/shared/embed_to_norm.ts';
import { f32Product } from '../kernels/projections/matmul.ts';
import type { Matrix } from '../kernels/projections/matrix.ts';
import { normedMatvec } from '../kernels/projections/normed_matvec.ts';
import { multiplyRows } from '../kernels/projections/projection.ts';
import { layerNorm } from '../kernels/norms/layer_norm.ts';
import { normedAddToNorm } from '../kernels/norms/normed_add_to_norm.ts';
import { rmsNorm } from '../kernels/norms/rms_norm.ts';
import { rmsNormAdd } from '../kernels/norms/rms_norm_add.ts';
import { softCap } from '../kernels/shared/soft_cap.ts';
import { rmsNormMatvec } from '../kernels/projections/rms_norm_matvec.ts';
import {
  type Architecture,
  type Branch,
  isMixing,
  normName,
  normsOf,
  postNormName,
  type Sublayer,
} from '../architecture/architecture.ts';
import { attention } from './branches/attention.ts';
import { gatedDelta } from './branches/gated-delta.ts';
import { mamba1 } from './branches/mamba1.ts';
import { mamba2 } from './branches/mamba2.ts';
import { relu2, swiglu } from './branches/mlp.ts';
import { moe } from './branches/moe.ts';
import { rgLru } from './branches/rg-lru.ts';
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
  rg_lru: rgLru,
  attention,
  swiglu,
  relu2,
  moe,
};

function embeddingTable({ architecture, weights }: Scope): Matrix {
  return weights.matrix('embedding', architecture.vocabSize, architecture.hiddenSize);
}

/** x = embedding[ids] of T tokens. */
function prefillEmbedding(scope: Scope): DispatchSpec[] {
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

const FINAL_NORM = 'final_norm';

/** Weight of a norm of the stream. */
function normWeight({ architecture, weights }: Scope, name: string): BufferSlice {
  return weights.plain(name, architecture.hiddenSize);
}

/** Whether norms are LayerNorms, which in decode are dispatches of their own. */
function hasLayerNorms({ architecture }: Scope): boolean {
  return architecture.norm === 'layer';
}

/** h = norm of x, of all tokens of the pass, or of its last one. */
function normed(scope: Scope, label: string, name: string, last = false): DispatchSpec {
  const { architecture, features, activations } = scope;
  const { hiddenSize: columns, normEps: eps } = architecture;
  const { x, h: y } = activations;
  const weight = normWeight(scope, name);
  if (!hasLayerNorms(scope)) return rmsNorm(features, label, { x, weight, y }, { columns, eps });
  const bias = normWeight(scope, `${name}_bias`);
  return layerNorm(features, label, { x, weight, bias, y }, { columns, eps, last });
}

/** Bounds `rows` rows of logits, or those of all tokens of the pass, where a model does. */
function capped({ architecture, features }: Scope, logits: BufferSlice, rows?: number): DispatchSpec[] {
  const { logitCap: cap, vocabSize: columns } = architecture;
  return cap === undefined ? [] : [softCap(features, 'head', logits, { columns, cap, ...(rows && { rows }) })];
}

/** logits (V) of the last token of a pass over T tokens: final norm and head. */
export function prefillHead(scope: Scope): DispatchSpec[] {
  const { architecture, features, activations } = scope;
  const { x, logits } = activations;
  const { normEps: eps, logitScale: scale } = architecture;
  if (hasLayerNorms(scope)) return [normed(scope, 'head', FINAL_NORM, true), ...headOfNormed(scope, unitNorm(scope))];
  const buffers = { x, normWeight: normWeight(scope, FINAL_NORM), weights: headMatrix(scope), y: logits };
  return [...rmsNormMatvec(features, 'head', buffers, { eps, scale }), ...capped(scope, logits, 1)];
}

/** h = final norm of x, logits (T, V) of all tokens of the pass. */
export function headOfAll(scope: Scope, logits: BufferSlice): DispatchSpec[] {
  const { architecture, features, pass, activations } = scope;
  const product = { x: activations.h, weights: headMatrix(scope), y: logits };
  const toLogits = { product: f32Product, action: 'set' } as const;
  const { logitScale: scale } = architecture;
  return [
    normed(scope, 'head', FINAL_NORM),
    ...multiplyRows(features, 'head', toLogits, product, { pass, normed: true, scale }),
    ...capped(scope, logits),
  ];
}

/** The buffers that the branches of a sublayer read and add to: with a norm behind them, not the stream itself. */
function ofBranches(scope: Scope, block: number): Scope {
  const { before, after } = normsOf(scope.architecture, block);
  if (before && !after) return scope;
  const { activations } = scope;
  const { x, post } = activations;
  return {
    ...scope,
    normed: before,
    activations: { ...activations, ...(!before && { h: x }), ...(after && { x: post!.out }) },
  };
}

/** One block over T tokens. */
function prefillBlock(scope: Scope, block: number): DispatchSpec[] {
  const { architecture, features, activations } = scope;
  const { hiddenSize: columns, normEps: eps } = architecture;
  const { before, after } = normsOf(architecture, block);
  const inner = ofBranches(scope, block);
  return architecture.blocks[block]!.flatMap((sublayer) => {
    const label = `block ${block} / ${isMixing(sublayer) ? sublayer[0] : 'mlp'}`;
    const add = () => {
      const weight = normWeight(scope, postNormName(block, sublayer));
      return rmsNormAdd(features, label, { weight, v: activations.post!.out, x: activations.x }, { columns, eps });
    };
    return [
      // A shared transformer norms what it adds to.
      ...(before && !sublayer.includes('shared') ? [normed(scope, label, normName(block, sublayer))] : []),
      ...sublayer.flatMap((kind) => BRANCHES[kind].prefill(inner, block)),
      ...(after ? [add()] : []),
    ];
  });
}

// Decode. A vector reaches a norm as h = x * norm_weight with partial sums of squares (shaders/lib/to_norm.wgsl), so each
// step names the norm that follows it. LayerNorms, and branches that read the stream as it is, do without: what these read
// is divided by 1.

/** The norm after a sublayer: of the next one in this block or in the next, or the final one. */
function normAfter(scope: Scope, block: number, index: number): BufferSlice {
  const { architecture } = scope;
  const { blocks } = architecture;
  const inBlock = blocks[block]![index + 1];
  const next = inBlock ?? blocks[block + 1]?.[0];
  const at = inBlock ? block : block + 1;
  // Where none follows, h is not read: any weight will do.
  const hasNext = next && normsOf(architecture, at).before;
  return normWeight(scope, hasNext ? normName(at, next) : FINAL_NORM);
}

/** x and h of one token. */
function decodeEmbedding(scope: Scope): DispatchSpec[] {
  const { features, activations, architecture } = scope;
  const { ids, x, h, squares } = activations;
  const first = normsOf(architecture, 0).before ? normName(0, architecture.blocks[0]![0]!) : FINAL_NORM;
  const buffers = { ids, weights: embeddingTable(scope), normWeight: normWeight(scope, first), x, h, squares };
  const { embeddingScale } = architecture;
  return [...embedToNorm(features, 'embedding', buffers, embeddingScale), ...keptEmbedding(scope)];
}

/** One block over one token. */
function decodeBlock(scope: Scope, block: number): DispatchSpec[] {
  const { architecture } = scope;
  const { before, after } = normsOf(architecture, block);
  return architecture.blocks[block]!.flatMap((sublayer, index) => {
    const label = `block ${block} / ${isMixing(sublayer) ? sublayer[0] : 'mlp'}`;
    // Before the first stands the embedding, which leaves one sum, or a shared transformer.
    const isEntry = block === 0 && index === 0 && !sublayer.includes('shared');
    const isDone = hasLayerNorms(scope) || !before;
    const norm = isDone ? unitNorm(scope) : isEntry ? { ...streamNorm(scope), squares: 1 } : streamNorm(scope);
    const inner = ofBranches(scope, block);
    const { unitSquares } = scope.activations;
    const reading = isDone ? { ...inner, activations: { ...inner.activations, squares: unitSquares } } : inner;
    const nextNorm = normAfter(scope, block, index);
    return [
      ...(hasLayerNorms(scope) ? [normed(scope, label, normName(block, sublayer))] : []),
      ...sublayer.flatMap((kind) => BRANCHES[kind].decodeRead(reading, block, norm)),
      ...(after
        ? decodePostNorm(scope, block, sublayer, nextNorm)
        : sublayer.flatMap((kind) => BRANCHES[kind].decodeAdd(scope, block, nextNorm))),
    ];
  });
}

/**
 * The output of branches with a norm behind them: they leave it on its way into that norm, as others leave the stream.
 */
function decodePostNorm(scope: Scope, block: number, sublayer: Sublayer, nextNorm: BufferSlice): DispatchSpec[] {
  const { features, activations, architecture } = scope;
  const { x, h, squares, post } = activations;
  const { out, h: g, squares: gSquares } = post!;
  const toNorm = { ...scope, activations: { ...activations, x: out, h: g, squares: gSquares } };
  const weight = normWeight(scope, postNormName(block, sublayer));
  const label = `block ${block} / ${isMixing(sublayer) ? sublayer[0] : 'mlp'}`;
  const buffers = { v: out, g, gSquares, normWeight: nextNorm, x, h, squares };
  return [
    ...sublayer.flatMap((kind) => BRANCHES[kind].decodeAdd(toNorm, block, weight)),
    normedAddToNorm(features, label, buffers, { ...streamNorm(scope), columns: architecture.hiddenSize }),
  ];
}

/** logits (V) of one token. */
function decodeHead(scope: Scope): DispatchSpec[] {
  if (!hasLayerNorms(scope)) return headOfNormed(scope, streamNorm(scope));
  return [normed(scope, 'head', FINAL_NORM), ...headOfNormed(scope, unitNorm(scope))];
}

/** logits (V) of what reached the final norm. */
function headOfNormed(scope: Scope, norm: StreamNorm): DispatchSpec[] {
  const { h, squares, unitSquares, logits } = scope.activations;
  const buffers = { h, squares: hasLayerNorms(scope) ? unitSquares : squares, weights: headMatrix(scope), y: logits };
  const options = { ...norm, scale: scope.architecture.logitScale };
  return [...normedMatvec(scope.features, 'head', buffers, options), ...capped(scope, logits, 1)];
}

/** What is not divided: one sum, which makes the division one by 1. */
function unitNorm({ architecture }: Scope): StreamNorm {
  return { squares: 1, eps: architecture.normEps };
}

/** How the last to write the residual stream left it: a sum of squares for every four rows. */
function streamNorm({ architecture }: Scope): StreamNorm {
  return { squares: architecture.hiddenSize / 4, eps: architecture.normEps };
}

/** A pass over a prompt, without a head: the embedding, then a list for each block. */
export function promptParts(scope: Scope): DispatchSpec[][] {
  return [prefillEmbedding(scope), ...scope.architecture.blocks.map((_, index) => prefillBlock(scope, index))];
}

/** A pass over one token, without a sampler: the embedding, a list for each block, then the head. */
export function stepParts(scope: Scope): DispatchSpec[][] {
  const { architecture, activations, moving } = scope;
  const ofBlock = (index: number): Scope => {
    const u = moving?.[index];
    return u ? { ...scope, activations: { ...activations, u } } : scope;
  };
  const blocks = architecture.blocks.map((_, index) => decodeBlock(ofBlock(index), index));
  return [decodeEmbedding(scope), ...blocks, decodeHead(scope)];
}

/** Whether one step can go over several positions of a sequence, and its state move by some of them only. */
export function canVerify({ blocks }: Architecture): boolean {
  return blocks.flat(2).every((kind) => BRANCHES[kind].advance !== undefined);
}

/** Moves the states of all blocks, behind a step over these positions: see `BranchPlan.advance`. */
export function advanceSpecs(positions: readonly Scope[]): DispatchSpec[] {
  const { blocks } = positions[0]!.architecture;
  return blocks.flatMap((sublayers, block) =>
    sublayers.flat().flatMap((kind) => BRANCHES[kind].advance?.(positions, block) ?? []),
  );
}
