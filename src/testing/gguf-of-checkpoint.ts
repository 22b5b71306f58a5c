import { parseConfig } from '../architecture/config.ts';
import { memorySource } from '../weights/byte-source.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import { type GgufEntry, ggufBytes, ggufData, type GgufTestTensor } from './test-gguf.ts';

// A checkpoint as a GGUF file, as llama.cpp's converter makes it: other names, A in the place of A_log, rows of q and k
// that turn with each other side by side, gate and up apart, constant factors of Falcon-H1 in the weights.

type Config = Readonly<Record<string, unknown>>;

/** A tensor with its dimensions, rows first. */
interface Weights {
  shape: readonly number[];
  values: Float32Array;
}

/** What the converter calls an architecture. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  bamba: 'granitehybrid',
  falcon_h1: 'falcon-h1',
  falcon_mamba: 'mamba',
  granitemoehybrid: 'granitehybrid',
  llama: 'llama',
  mamba2: 'mamba2',
  nemotron_h: 'nemotron_h',
};

/** Names of modules in a block. */
const MODULES: readonly (readonly [RegExp, string])[] = [
  [/^(input_layernorm|norm)$/, 'attn_norm'],
  [/^(post_attention_layernorm|pre_ff_layernorm)$/, 'ffn_norm'],
  [/^(mamba|mixer)\.in_proj$/, 'ssm_in'],
  [/^(mamba|mixer)\.conv1d$/, 'ssm_conv1d'],
  [/^(mamba|mixer)\.x_proj$/, 'ssm_x'],
  [/^(mamba|mixer)\.dt_proj$/, 'ssm_dt'],
  [/^(mamba|mixer)\.norm$/, 'ssm_norm'],
  [/^(mamba|mixer)\.out_proj$/, 'ssm_out'],
  [/^(self_attn|mixer)\.q_proj$/, 'attn_q'],
  [/^(self_attn|mixer)\.k_proj$/, 'attn_k'],
  [/^(self_attn|mixer)\.v_proj$/, 'attn_v'],
  [/^(self_attn|mixer)\.o_proj$/, 'attn_output'],
  [/^(mlp|feed_forward)\.gate_proj$/, 'ffn_gate'],
  [/^(mlp|feed_forward|mixer)\.up_proj$/, 'ffn_up'],
  [/^(mlp|feed_forward|mixer)\.down_proj$/, 'ffn_down'],
];
const WHOLE: Readonly<Record<string, string>> = {
  embed_tokens: 'token_embd',
  embeddings: 'token_embd',
  norm: 'output_norm',
  norm_f: 'output_norm',
  final_layernorm: 'output_norm',
};

/** Rows of q and k in the converter's order, for the architectures that want it. */
function permuted({ shape, values }: Weights, headDim: number): Weights {
  const [rows = 0, columns = 0] = shape;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const head = Math.floor(row / headDim) * headDim;
    const within = row - head;
    const half = headDim / 2;
    const to = head + (within < half ? 2 * within : 2 * (within - half) + 1);
    out.set(values.subarray(row * columns, (row + 1) * columns), to * columns);
  }
  return { shape, values: out };
}

/** The file of a checkpoint. Its config may not have factors of Falcon-H1 on embeddings and logits. */
export async function ggufOfCheckpoint(files: Readonly<Record<string, Uint8Array>>): Promise<Uint8Array> {
  const config = JSON.parse(new TextDecoder().decode(files['config.json'])) as Config;
  const { architecture } = parseConfig(files['config.json']!);
  const family = architecture.family;
  const checkpoint = await Checkpoint.open(memorySource(files));
  const tensors: GgufTestTensor[] = [];
  const put = (name: string, { shape, values }: Weights) => {
    const dims = shape.length === 0 ? [1] : shape.toReversed();
    tensors.push({ name, type: 'F32', dims, data: ggufData('F32', values) });
  };
  for (const { name, shape } of checkpoint.tensors.values()) {
    const rows = shape.length > 1 ? shape.slice(0, -1).reduce((product, size) => product * size, 1) : shape[0]!;
    const weights = { shape, values: await checkpoint.readRows(name, 0, rows) };
    for (const [to, made] of converted(name, weights, family, config)) put(to, made);
  }
  const factors = ropeDivisors(config);
  if (factors) put('rope_freqs.weight', { shape: [factors.length], values: Float32Array.from(factors) });
  return ggufBytes({ ...metadataOf(family, config, files['config.json']!) }, tensors);
}

function* converted(name: string, weights: Weights, family: string, config: Config): Generator<[string, Weights]> {
  const [, block, rest = ''] = /^(?:model|backbone)\.layers\.(\d+)\.(.+)$/.exec(name) ?? [];
  if (block === undefined) {
    const base = name === 'lm_head.weight' ? 'output' : WHOLE[name.split('.')[1]!];
    yield [`${base}.weight`, weights];
    return;
  }
  const at = (part: string) => `blk.${block}.${part}`;
  const { shape, values } = weights;
  const isMamba2 = family !== 'falcon_mamba';
  if (rest.endsWith('.A_log')) {
    const a = values.map((value) => -Math.exp(value));
    yield [at('ssm_a'), { shape: isMamba2 ? [shape[0]!, 1] : shape, values: a }];
  } else if (rest.endsWith('.D')) yield [at('ssm_d'), { shape: isMamba2 ? [shape[0]!, 1] : shape, values }];
  else if (rest.endsWith('.dt_bias')) yield [at('ssm_dt.bias'), weights];
  else if (rest === 'block_sparse_moe.router.layer.weight') yield [at('ffn_gate_inp.weight'), weights];
  else if (rest === 'block_sparse_moe.output_linear.weight') yield [at('ffn_down_exps.weight'), weights];
  else if (rest === 'block_sparse_moe.input_linear.weight') {
    const [experts = 0, both = 0, columns = 0] = shape;
    for (const [half, part] of ['gate', 'up'].entries()) {
      const size = (both / 2) * columns;
      const own = new Float32Array(experts * size);
      for (let e = 0; e < experts; e++)
        own.set(values.subarray((2 * e + half) * size, (2 * e + half + 1) * size), e * size);
      yield [at(`ffn_${part}_exps.weight`), { shape: [experts, both / 2, columns], values: own }];
    }
  } else if (rest.startsWith('shared_mlp.')) {
    const suffix = config['num_local_experts'] === 0 ? '' : '_shexp';
    if (rest.includes('output_linear')) {
      yield [at(`ffn_down${suffix}.weight`), weights];
      return;
    }
    const [both = 0, columns = 0] = shape;
    const size = (both / 2) * columns;
    yield [at(`ffn_gate${suffix}.weight`), { shape: [both / 2, columns], values: values.slice(0, size) }];
    yield [at(`ffn_up${suffix}.weight`), { shape: [both / 2, columns], values: values.slice(size) }];
  } else {
    const [, module = '', suffix = ''] = /^(.+)\.(weight|bias)$/.exec(rest) ?? [];
    const base = MODULES.find(([pattern]) => pattern.test(module))?.[1];
    if (base === undefined) throw new RangeError(`The converter does not know ${name}.`);
    yield [at(`${base}.${suffix}`), reshaped(base, suffix, weights, family, config)];
  }
}

function reshaped(base: string, suffix: string, weights: Weights, family: string, config: Config): Weights {
  const { shape, values } = weights;
  const turns = family === 'llama' || family === 'bamba' || family === 'granitemoehybrid';
  if (turns && (base === 'attn_q' || base === 'attn_k')) return permuted(weights, headDimOf(config));
  if (base === 'ssm_conv1d' && suffix === 'weight') return { shape: [shape[0]!, shape[2]!], values };
  if (base === 'ssm_norm') {
    const groups = Number(config['n_groups'] ?? config['mamba_n_groups'] ?? 1);
    return { shape: [groups, shape[0]! / groups], values };
  }
  return family === 'falcon_h1' ? scaled(base, weights, config) : weights;
}

/** Falcon-H1's factors, each in the weights that it belongs to. */
function scaled(base: string, { shape, values }: Weights, config: Config): Weights {
  const factor = (name: string) => Number(config[name] ?? 1);
  const mlp = (config['mlp_multipliers'] ?? [1, 1]) as number[];
  const into = factor('attention_in_multiplier');
  const factors: Readonly<Record<string, number>> = {
    attn_q: into,
    attn_k: into * factor('key_multiplier'),
    attn_v: into,
    attn_output: factor('attention_out_multiplier'),
    ssm_out: factor('ssm_out_multiplier'),
    ffn_gate: mlp[0]!,
    ffn_down: mlp[1]!,
  };
  if (base !== 'ssm_in') return { shape, values: values.map((value) => value * (factors[base] ?? 1)) };
  const heads = Number(config['mamba_n_heads']);
  const inner = Number(config['mamba_d_ssm']);
  const grouped = Number(config['mamba_n_groups'] ?? 1) * Number(config['mamba_d_state']);
  const multipliers = (config['ssm_multipliers'] ?? [1, 1, 1, 1, 1]) as number[];
  const rows = [inner, inner, grouped, grouped, heads].flatMap((count, i) =>
    Array<number>(count).fill(multipliers[i]!),
  );
  const columns = shape[1]!;
  return {
    shape,
    values: values.map((value, i) => value * (rows[Math.floor(i / columns)]! * factor('ssm_in_multiplier'))),
  };
}

function headDimOf(config: Config): number {
  return Number(config['head_dim'] ?? Number(config['hidden_size']) / Number(config['num_attention_heads']));
}

/** Divisors of Llama 3's scaling, pair by pair. */
function ropeDivisors(config: Config): number[] | null {
  const scaling = config['rope_scaling'] as Record<string, number | string> | undefined;
  if (scaling?.['rope_type'] !== 'llama3') return null;
  const [low, high] = [Number(scaling['low_freq_factor'] ?? 1), Number(scaling['high_freq_factor'] ?? 4)];
  const [factor, trained] = [Number(scaling['factor']), Number(scaling['original_max_position_embeddings'])];
  const dims = headDimOf(config);
  return Array.from({ length: dims / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * Number(config['rope_theta'] ?? 10_000) ** ((2 * i) / dims);
    if (wavelength > trained / low) return factor;
    if (wavelength < trained / high) return 1;
    const smooth = (trained / wavelength - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

function metadataOf(family: string, config: Config, text: Uint8Array): Record<string, GgufEntry> {
  const { architecture } = parseConfig(text);
  const { mamba2, mamba1, attention, moe, blocks, maxPositions } = architecture;
  const has = (kind: string) => blocks.map((block) => block.some((sublayer) => (sublayer as string[]).includes(kind)));
  const name = ARCHITECTURES[family]!;
  const number = (value: number): GgufEntry => ({ u32: value });
  const inner = mamba2 ? mamba2.heads * mamba2.headDim : mamba1?.inner;
  const isGranite = family === 'granitemoehybrid';
  const values: Record<string, GgufEntry | undefined> = {
    block_count: number(blocks.length),
    context_length: number(maxPositions),
    embedding_length: number(architecture.hiddenSize),
    feed_forward_length:
      family === 'nemotron_h'
        ? { i32s: has('relu2').map((is) => (is ? architecture.intermediateSize : 0)) }
        : number(architecture.intermediateSize),
    'attention.layer_norm_rms_epsilon': { f32: architecture.normEps },
    'attention.head_count': attention ? number(attention.heads) : number(0),
    'attention.head_count_kv':
      attention && name !== 'llama' && name !== 'falcon-h1'
        ? { i32s: has('attention').map((is) => (is ? attention.kvHeads : 0)) }
        : number(attention?.kvHeads ?? 0),
    'attention.key_length': attention && isGranite ? undefined : number(attention?.headDim ?? 0),
    'rope.freq_base': { f32: Number(config['rope_theta'] ?? 10_000) },
    'rope.dimension_count': attention?.rope ? number(attention.rope.dims) : undefined,
    'rope.scaling.finetuned': { bool: attention?.rope !== null },
    'ssm.conv_kernel': inner === undefined ? undefined : number(4),
    'ssm.inner_size': inner === undefined ? undefined : number(inner),
    'ssm.state_size': inner === undefined ? undefined : number((mamba2 ?? mamba1)!.stateSize),
    'ssm.time_step_rank': inner === undefined ? undefined : number(mamba2?.heads ?? mamba1!.dtRank),
    'ssm.group_count': mamba2 ? number(mamba2.groups) : undefined,
    'ssm.dt_b_c_rms': mamba1 ? { bool: true } : undefined,
    expert_count: moe ? number(moe.experts) : undefined,
    expert_used_count: moe ? number(moe.topK) : undefined,
    embedding_scale: isGranite ? { f32: architecture.embeddingScale } : undefined,
    residual_scale: isGranite ? { f32: Number(config['residual_multiplier']) } : undefined,
    logit_scale: isGranite ? { f32: Number(config['logits_scaling']) } : undefined,
    'attention.scale': isGranite ? { f32: Number(config['attention_multiplier']) } : undefined,
  };
  return Object.fromEntries([
    ['general.architecture', { text: name }],
    ...Object.entries(values).flatMap(([key, value]) => (value ? [[`${name}.${key}`, value]] : [])),
  ]) as Record<string, GgufEntry>;
}
