import type { TensorSource, TensorSpec } from '../weights/types.ts';
import { type Architecture, type AttentionShape, hasBias } from './architecture.ts';

// Tensors of the branches, which all families that have them store alike, and short forms for the common kinds.

/** A matrix that the checkpoint has as it is. */
export function matrix(name: string, shape: readonly [number, number], source: string): TensorSpec {
  return { name, shape, kind: 'matrix', sources: [{ name: source, shape }], arrange: 'stack' };
}

/** A matrix with a row for each token. */
export function vocabularyMatrix(name: string, shape: readonly [number, number], source: string): TensorSpec {
  return { ...matrix(name, shape, source), vocabulary: true };
}

/** A tensor that stays f32; `sourceShape` where the checkpoint's shape is another. Without a source it is zeros. */
export function plain(
  name: string,
  shape: readonly number[],
  source: string | null,
  sourceShape: readonly number[] = shape,
): TensorSpec {
  const sources = source === null ? [] : [{ name: source, shape: sourceShape }];
  return { name, shape, kind: 'plain', sources, arrange: 'stack' };
}

/** Biases of a matrix, from the modules whose weights it is made of, if the checkpoint has any. */
export function biasTensors(
  name: string,
  weights: Pick<TensorSpec, 'sources' | 'arrange' | 'shape'>,
  has: boolean,
): TensorSpec[] {
  if (!has) return [];
  const sources = weights.sources.map((source): TensorSource => ({
    ...source,
    name: source.name.replace(/weight$/, 'bias'),
    shape: source.shape.slice(0, -1),
  }));
  return [{ name, shape: weights.shape.slice(0, 1), kind: 'plain', sources, arrange: weights.arrange }];
}

/** A name in the checkpoint, and what the matrix is multiplied by. */
function scaled(name: string, shape: readonly number[], factor: number | undefined): TensorSource {
  return times({ name, shape }, factor);
}

/** A source that is multiplied once more. */
function times(source: TensorSource, factor = 1): TensorSource {
  return factor === 1 ? source : { ...source, factor: (source.factor ?? 1) * factor };
}

/** Mamba-2 mixer of block `ours`, from the checkpoint's module `theirs`. */
export function mamba2Tensors(
  ours: string,
  theirs: string,
  architecture: Architecture,
  { convBias, factors = {} }: { convBias: boolean; factors?: Mamba2Factors },
): TensorSpec[] {
  const { hiddenSize } = architecture;
  const { heads: H, headDim, stateSize, groups, convWidth: K, normGroups } = architecture.mamba2!;
  const I = H * headDim;
  const grouped = groups * stateSize;
  const channels = I + 2 * grouped;
  const name = (part: string) => `${ours}.mamba2.${part}`;
  const inProj = { name: `${theirs}.in_proj.weight`, shape: [I + channels + H, hiddenSize] };
  const outSource = scaled(`${theirs}.out_proj.weight`, [hiddenSize, I], factors.out);
  const rows = factors.rows ? rowFactors(inProj, [I, I, grouped, grouped, H], factors.rows) : [inProj];
  const into = {
    ...matrix(name('in_proj'), [I + channels + H, hiddenSize], inProj.name),
    sources: rows.map((source) => times(source, factors.in)),
  };
  const outProj = { ...matrix(name('out_proj'), [hiddenSize, I], outSource.name), sources: [outSource] };
  return [
    into,
    // The factor of a product's input does not multiply the bias, which is added to the product.
    ...biasTensors(name('in_proj_bias'), { ...into, sources: rows }, hasBias(architecture, 'mamba2_in')),
    plain(name('conv1d_weight'), [channels, K], `${theirs}.conv1d.weight`, [channels, 1, K]),
    plain(name('conv1d_bias'), [channels], convBias ? `${theirs}.conv1d.bias` : null),
    plain(name('dt_bias'), [H], `${theirs}.dt_bias`),
    { ...plain(name('a'), [H], `${theirs}.A_log`), map: 'negate_exp' },
    plain(name('d'), [H], `${theirs}.D`),
    ...(normGroups === null ? [] : [plain(name('norm'), [I], `${theirs}.norm.weight`)]),
    outProj,
    ...biasTensors(name('out_proj_bias'), outProj, hasBias(architecture, 'mamba2_out')),
  ];
}

/** The factors of a Mamba-2 mixer's matrices. */
interface Mamba2Factors {
  /** The factor of in_proj's input. */
  in?: number;
  /** The factors of in_proj's outputs: its rows of z, x, B, C and dt. */
  rows?: readonly number[];
  out?: number;
}

/** A source in parts of so many rows each, each part with its factor. */
function rowFactors(source: TensorSource, counts: readonly number[], factors: readonly number[]): TensorSource[] {
  let end = 0;
  return counts.map((count, index) => {
    const begin = end;
    end += count;
    return { ...source, rows: [begin, end], factor: factors[index] ?? 1 };
  });
}

/** How a checkpoint stores an attention mixer. */
export interface AttentionNames {
  /** Names of modules, where they are others. */
  names?: Partial<Record<'q' | 'k' | 'v' | 'o' | 'qNorm' | 'kNorm', string>>;
  /** The module that has the rows of q, k and v. */
  fused?: string;
  /** Whether weights of the norms of q and k are stored as what they are beyond 1. */
  normsFromOne?: boolean;
}

interface AttentionTensorOptions extends AttentionNames {
  /** The factors of the matrices: of all that read, of keys besides, and of the one that writes. */
  factors?: { in?: number; key?: number; out?: number };
}

/** Attention mixer of block `ours`, from the checkpoint's module `theirs`. */
export function attentionTensors(
  ours: string,
  theirs: string,
  architecture: Architecture,
  { factors = {}, names = {}, fused, normsFromOne = false }: AttentionTensorOptions = {},
): TensorSpec[] {
  const { hiddenSize } = architecture;
  const { heads, kvHeads, headDim, qkNorm, sinks, gated = false } = architecture.attention!;
  const [wide, narrow] = [heads * headDim, kvHeads * headDim];
  const into = factors.in ?? 1;
  const weight = (name: string) => `${theirs}.${name}.weight`;
  const shape = [wide + 2 * narrow, hiddenSize] as const;
  const query = weight(names.q ?? 'q_proj');
  // For each head the rows of q, then those of the gate.
  const turn = (which: number) =>
    Array.from({ length: heads }, (_, head): TensorSource => {
      const begin = (2 * head + which) * headDim;
      return { name: query, shape: [2 * wide, hiddenSize], rows: [begin, begin + headDim] };
    });
  const sources =
    fused === undefined
      ? [
          ...(gated ? turn(0) : [scaled(query, [wide, hiddenSize], into)]),
          scaled(weight(names.k ?? 'k_proj'), [narrow, hiddenSize], into * (factors.key ?? 1)),
          scaled(weight(names.v ?? 'v_proj'), [narrow, hiddenSize], into),
        ]
      : [scaled(weight(fused), shape, into)];
  const qkv: TensorSpec = { name: `${ours}.attention.qkv`, shape, kind: 'matrix', sources, arrange: 'stack' };
  const gate = { ...matrix(`${ours}.attention.gate`, [wide, hiddenSize], query), sources: turn(1) };
  const out = scaled(weight(names.o ?? 'o_proj'), [hiddenSize, wide], factors.out);
  const oProj = { ...matrix(`${ours}.attention.o_proj`, [hiddenSize, wide], out.name), sources: [out] };
  return [
    qkv,
    // The factor of a product's input does not multiply the bias, which is added to the product.
    ...biasTensors(
      `${ours}.attention.qkv_bias`,
      { ...qkv, sources: sources.map((source) => ({ ...source, factor: (source.factor ?? 1) / into })) },
      hasBias(architecture, 'qkv'),
    ),
    ...(qkNorm
      ? [qkNormTensor(`${ours}.attention.qk_norm`, theirs, architecture.attention!, names, normsFromOne)]
      : []),
    ...(gated ? [gate, ...biasTensors(`${ours}.attention.gate_bias`, gate, hasBias(architecture, 'qkv'))] : []),
    ...(sinks ? [plain(`${ours}.attention.sinks`, [heads], `${theirs}.sinks`)] : []),
    oProj,
    ...biasTensors(`${ours}.attention.o_proj_bias`, oProj, hasBias(architecture, 'o_proj')),
  ];
}

/** Weights of the norm of q, then of that of k. */
function qkNormTensor(
  name: string,
  theirs: string,
  { heads, kvHeads, headDim, qkNorm }: AttentionShape,
  { qNorm = 'q_norm', kNorm = 'k_norm' }: NonNullable<AttentionNames['names']>,
  fromOne: boolean,
): TensorSpec {
  const [wide, narrow] = qkNorm === 'head' ? [headDim, headDim] : [heads * headDim, kvHeads * headDim];
  const sources = [
    { name: `${theirs}.${qNorm}.weight`, shape: [wide] },
    { name: `${theirs}.${kNorm}.weight`, shape: [narrow] },
  ];
  return { ...plain(name, [wide + narrow], null), sources, ...(fromOne && { map: 'add_one' }) };
}

/** SwiGLU MLP of block `ours`, from matrices gate and up of (F, C) and down of (C, F). */
export function swigluTensors(
  ours: string,
  architecture: Architecture,
  { gate, up, down }: { gate: TensorSource; up: TensorSource; down: TensorSource },
): TensorSpec[] {
  const { hiddenSize: C, intermediateSize: F } = architecture;
  const gateUp: TensorSpec = {
    ...matrix(`${ours}.gate_up`, [2 * F, C], gate.name),
    sources: [gate, up],
    arrange: 'interleave',
  };
  const last = { ...matrix(`${ours}.down`, [C, F], down.name), sources: [down] };
  const biased = hasBias(architecture, 'mlp');
  return [
    gateUp,
    ...biasTensors(`${ours}.gate_up_bias`, gateUp, biased),
    last,
    ...biasTensors(`${ours}.down_bias`, last, biased),
  ];
}

/** SwiGLU MLP of block `ours`, from the checkpoint's module `theirs` with gate_proj, up_proj and down_proj. */
export function gatedMlpTensors(
  ours: string,
  theirs: string,
  architecture: Architecture,
  factors: { gate?: number; down?: number } = {},
): TensorSpec[] {
  const { hiddenSize: C, intermediateSize: F } = architecture;
  return swigluTensors(ours, architecture, {
    gate: scaled(`${theirs}.gate_proj.weight`, [F, C], factors.gate),
    up: { name: `${theirs}.up_proj.weight`, shape: [F, C] },
    down: scaled(`${theirs}.down_proj.weight`, [C, F], factors.down),
  });
}

/** A set of weights of the transformer that blocks share, from the checkpoint's module `theirs`. */
export function sharedTensors(ours: string, theirs: string, architecture: Architecture): TensorSpec[] {
  const { hiddenSize: C, attention, shared } = architecture;
  const { heads, kvHeads, headDim } = attention!;
  const { intermediateSize: F } = shared!;
  const biased = hasBias(architecture, 'mlp');
  const queryShape = [heads * headDim, 2 * C];
  const keyShape = [kvHeads * headDim, 2 * C];
  const mlp = `${theirs}.feed_forward`;
  // The rows of gate, then those of up: with adapters they are one matrix, without them two.
  const gateUp: TensorSpec =
    shared!.adapterRank > 0
      ? halvesInTurn(`${ours}.gate_up`, { name: `${mlp}.gate_up_proj.weight`, shape: [2 * F, C] })
      : {
          ...matrix(`${ours}.gate_up`, [2 * F, C], mlp),
          sources: ['gate', 'up'].map((part) => ({ name: `${mlp}.${part}_proj.weight`, shape: [F, C] })),
          arrange: 'interleave',
        };
  const down = matrix(`${ours}.down`, [C, F], `${mlp}.down_proj.weight`);
  return [
    plain(`${ours}.norm`, [2 * C], `${theirs}.input_layernorm.weight`),
    {
      ...matrix(`${ours}.qkv`, [(heads + 2 * kvHeads) * headDim, 2 * C], theirs),
      sources: [
        { name: `${theirs}.self_attn.q_proj.weight`, shape: queryShape },
        { name: `${theirs}.self_attn.k_proj.weight`, shape: keyShape },
        { name: `${theirs}.self_attn.v_proj.weight`, shape: keyShape },
      ],
    },
    matrix(`${ours}.o_proj`, [C, heads * headDim], `${theirs}.self_attn.o_proj.weight`),
    plain(`${ours}.mlp_norm`, [C], `${theirs}.pre_ff_layernorm.weight`),
    gateUp,
    ...biasTensors(`${ours}.gate_up_bias`, gateUp, biased),
    down,
    ...biasTensors(`${ours}.down_bias`, down, biased),
  ];
}

/** The tensors that block `ours` has of its own for its use of the shared transformer; `use` numbers the uses. */
export function sharedBlockTensors(
  ours: string,
  { linear, transformer, use }: { linear: string; transformer: string; use: number },
  architecture: Architecture,
): TensorSpec[] {
  const { hiddenSize: C, shared } = architecture;
  const { intermediateSize: F, adapterRank, attentionAdapters = false } = shared!;
  const linearTensor = matrix(`${ours}.shared.linear`, [C, C], `${linear}.weight`);
  if (adapterRank === 0) return [linearTensor];
  const adapter = `${transformer}.feed_forward.gate_up_proj_adapter_list.${use}`;
  return [
    ...(attentionAdapters
      ? attentionAdapterTensors(`${ours}.shared`, `${transformer}.self_attn`, use, architecture)
      : []),
    matrix(`${ours}.shared.adapter_in`, [adapterRank, C], `${adapter}.0.weight`),
    halvesInTurn(`${ours}.shared.adapter_out`, { name: `${adapter}.1.weight`, shape: [2 * F, adapterRank] }),
    linearTensor,
  ];
}

/** Adapters of q, k and v as one: rows of each read its own part of what the three matrices inside give, one by one. */
function attentionAdapterTensors(
  ours: string,
  theirs: string,
  use: number,
  { hiddenSize: C, attention, shared }: Architecture,
): TensorSpec[] {
  const { heads, kvHeads, headDim } = attention!;
  const { adapterRank: rank } = shared!;
  const rows = { q: heads * headDim, k: kvHeads * headDim, v: kvHeads * headDim };
  const module = (part: string) => `${theirs}.linear_${part}_adapter_list.${use}`;
  const parts = Object.entries(rows);
  return [
    {
      ...matrix(`${ours}.qkv_adapter_in`, [3 * rank, 2 * C], theirs),
      sources: parts.map(([part]) => ({ name: `${module(part)}.0.weight`, shape: [rank, 2 * C] })),
    },
    {
      ...matrix(`${ours}.qkv_adapter_out`, [(heads + 2 * kvHeads) * headDim, 3 * rank], theirs),
      sources: parts.map(([part, count], index) => ({
        name: `${module(part)}.1.weight`,
        shape: [count, rank],
        columns: [index * rank, 3 * rank],
      })),
    },
  ];
}

/** A matrix whose rows are those of a source's two halves in turn. */
function halvesInTurn(name: string, source: TensorSource): TensorSpec {
  const [rows = 0, columns = 0] = source.shape;
  const half = (index: number) => [(index * rows) / 2, ((index + 1) * rows) / 2] as const;
  const sources = [0, 1].map((index) => ({ ...source, rows: half(index) }));
  return { ...matrix(name, [rows, columns], source.name), sources, arrange: 'interleave' };
}

/** Sources of a mixture of experts: rows of all experts, one expert after the other. */
interface MoeSources {
  /** (E, C) */
  router: TensorSource;
  /** (E), added to scores for the choice. */
  bias?: TensorSource;
  /** (1, C), of the logit that gates the MLP beside it. */
  sharedGate?: TensorSource;
  /** For each expert F rows of C; absent where experts have no gate. */
  gate?: (expert: number) => TensorSource;
  up: (expert: number) => TensorSource;
  /** (E * C, F) */
  down: TensorSource | ((expert: number) => TensorSource);
  /** (L, C) and (C, L), before and behind experts that read and write L in the place of C. */
  latent?: { in: TensorSource; out: TensorSource };
}

/** Mixture of experts of block `ours`. The router stays f32: a rounded logit could choose another expert. */
export function moeTensors(
  ours: string,
  architecture: Architecture,
  { router, bias, sharedGate, gate, up, down, latent }: MoeSources,
): TensorSpec[] {
  const { hiddenSize: C } = architecture;
  const { experts: E, intermediateSize: F, latentSize: L = C } = architecture.moe!;
  const name = (part: string) => `${ours}.moe.${part}`;
  const ups = Array.from({ length: E }, (_, expert) => up(expert));
  const first: TensorSpec = gate
    ? {
        ...matrix(name('gate_up'), [E * 2 * F, L], router.name),
        sources: ups.flatMap((source, expert) => [gate(expert), source]),
        arrange: 'interleave',
      }
    : { ...matrix(name('up'), [E * F, L], router.name), sources: ups };
  const latentMatrix = (part: 'in' | 'out', shape: readonly [number, number]) => {
    if (!latent) return [];
    const spec = { ...matrix(name(`latent_${part}`), shape, latent[part].name), sources: [latent[part]] };
    return [spec, ...biasTensors(name(`latent_${part}_bias`), spec, hasBias(architecture, 'mlp'))];
  };
  return [
    {
      ...plain(name('router'), [sharedGate ? E + 1 : E, C], router.name),
      sources: sharedGate ? [router, sharedGate] : [router],
    },
    ...(bias ? [{ ...plain(name('bias'), [E], bias.name), sources: [bias] }] : []),
    ...latentMatrix('in', [L, C]),
    first,
    {
      ...matrix(name('down'), [E * L, F], router.name),
      sources: typeof down === 'function' ? Array.from({ length: E }, (_, expert) => down(expert)) : [down],
    },
    ...latentMatrix('out', [C, L]),
  ];
}

/** How a checkpoint names the modules of a mixture whose experts are stored apart. */
interface ExpertNames {
  router: string;
  /** Of an expert. */
  parts: { gate?: string; up: string; down: string };
  /** The modules before and behind the experts, where the model has such. */
  latent?: { in: string; out: string };
  /** A tensor that is added to scores for the choice. */
  bias?: string;
  /** The module of the logit that gates the MLP beside the mixture. */
  sharedGate?: string;
}

/** Mixture of experts of block `ours`, from the checkpoint's module `theirs`, in which each expert has matrices of its own. */
export function expertTensors(
  ours: string,
  theirs: string,
  architecture: Architecture,
  { router, parts, bias, sharedGate, latent }: ExpertNames,
): TensorSpec[] {
  const { hiddenSize: C, moe } = architecture;
  const { experts: E, intermediateSize: F, latentSize: L = C } = moe!;
  const { gate } = parts;
  const part = (expert: number, name: string) => `${theirs}.experts.${expert}.${name}.weight`;
  return moeTensors(ours, architecture, {
    router: { name: `${theirs}.${router}.weight`, shape: [E, C] },
    ...(bias !== undefined && { bias: { name: `${theirs}.${bias}`, shape: [E] } }),
    ...(sharedGate !== undefined && { sharedGate: { name: `${theirs}.${sharedGate}.weight`, shape: [1, C] } }),
    ...(gate !== undefined && { gate: (expert) => ({ name: part(expert, gate), shape: [F, L] }) }),
    up: (expert) => ({ name: part(expert, parts.up), shape: [F, L] }),
    down: (expert) => ({ name: part(expert, parts.down), shape: [L, F] }),
    ...(latent && {
      latent: {
        in: { name: `${theirs}.${latent.in}.weight`, shape: [L, C] },
        out: { name: `${theirs}.${latent.out}.weight`, shape: [C, L] },
      },
    }),
  });
}

/** Mixture of experts of block `ours`, as Granite's checkpoints stack the experts in the module `theirs`. */
export function graniteMoeTensors(
  ours: string,
  theirs: string,
  architecture: Architecture,
  factors: { down: number },
): TensorSpec[] {
  const { hiddenSize: C } = architecture;
  const { experts: E, intermediateSize: F } = architecture.moe!;
  // For each expert the rows of gate, then those of up.
  const both = { name: `${theirs}.input_linear.weight`, shape: [E, 2 * F, C] };
  const rows = (half: number) => [half * F, (half + 1) * F] as const;
  return moeTensors(ours, architecture, {
    router: { name: `${theirs}.router.layer.weight`, shape: [E, C] },
    gate: (expert) => ({ ...both, rows: rows(2 * expert) }),
    up: (expert) => ({ ...both, rows: rows(2 * expert + 1) }),
    down: scaled(`${theirs}.output_linear.weight`, [E, C, F], factors.down),
  });
}

/** Squared-ReLU MLP of block `ours`, from the checkpoint's module `theirs`. @param F its width */
export function relu2Tensors(ours: string, theirs: string, architecture: Architecture, F: number): TensorSpec[] {
  const { hiddenSize: C } = architecture;
  const up = matrix(`${ours}.up`, [F, C], `${theirs}.up_proj.weight`);
  const down = matrix(`${ours}.down`, [C, F], `${theirs}.down_proj.weight`);
  const biased = hasBias(architecture, 'mlp');
  return [up, ...biasTensors(`${ours}.up_bias`, up, biased), down, ...biasTensors(`${ours}.down_bias`, down, biased)];
}
