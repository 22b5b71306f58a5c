import { parseConfig } from '../../architecture/config.ts';
import { memorySource } from '../../weights/byte-source.ts';
import { Checkpoint } from '../../weights/checkpoint.ts';
import { ggufFamily, type GgufFamily, metadataOf } from './gguf/families.ts';
import { type Config, expertOf, falconFactors, type Model } from './gguf/rules.ts';
import { mapped, stacked, type Weights } from './gguf/weights.ts';
import { ggufBytes, ggufData, type GgufTestTensor } from './test-gguf.ts';

// A checkpoint as a GGUF file, as llama.cpp's converter makes it: other names, A in the place of A_log, rows of q and k
// that turn with each other side by side, gate and up apart, experts together, constant factors of Falcon-H1 in the
// weights.

/** Tensors of the whole model. */
const WHOLE: Readonly<Record<string, string>> = {
  embed_tokens: 'token_embd',
  embeddings: 'token_embd',
  norm: 'output_norm',
  norm_f: 'output_norm',
  final_layernorm: 'output_norm',
  embedding_norm: 'token_embd_norm',
};

/**
 * The file of a checkpoint, whose config has only what a file can hold.
 * @param as what it is made into, where that is not what its family says
 */
export async function ggufOfCheckpoint(
  files: Readonly<Record<string, Uint8Array>>,
  as?: GgufFamily,
): Promise<Uint8Array> {
  const model = modelOf(files);
  const { config, architecture } = model;
  const family = as ?? ggufFamily({ ...config, model_type: architecture.family });
  if (!family) throw new RangeError(`The converter does not know ${architecture.family}.`);
  const checkpoint = await Checkpoint.open(memorySource(files));
  const made = new Map<string, Weights>();
  const experts = new Map<string, Weights[]>();
  for (const { name, shape } of checkpoint.tensors.values()) {
    const rows = shape.length > 1 ? shape.slice(0, -1).reduce((product, size) => product * size, 1) : shape[0]!;
    const weights = { shape, values: await checkpoint.readRows(name, 0, rows) };
    for (const { name: to, weights: changed, isPart } of converted(name, weights, family, model)) {
      if (isPart) experts.set(to, [...(experts.get(to) ?? []), changed]);
      else made.set(to, changed);
    }
  }
  for (const [name, parts] of experts) made.set(name, stacked(parts));
  for (const [name, values] of Object.entries(ropeFactors(config))) made.set(name, vector(values));
  const tensors = [...made].map(([name, { shape, values }]): GgufTestTensor => {
    return { name, type: 'F32', dims: shape.toReversed(), data: ggufData('F32', values) };
  });
  return ggufBytes(metadataOf(family, model), tensors);
}

/** What a checkpoint's config says. */
export function modelOf(files: Readonly<Record<string, Uint8Array>>): Model {
  // Python writes infinity bare.
  const text = new TextDecoder().decode(files['config.json']).replaceAll('Infinity', '1e999');
  const json = JSON.parse(text) as Config;
  const config = { ...json, ...(json['text_config'] as Config | undefined) };
  return { config, architecture: parseConfig(files['config.json']!).architecture };
}

function vector(values: readonly number[]): Weights {
  return { shape: [values.length], values: Float32Array.from(values) };
}

/** A tensor of a file, or one of the experts that it is made of. */
interface Made {
  name: string;
  weights: Weights;
  isPart?: true;
}

/** What becomes of a tensor. Experts come in their order. */
function converted(name: string, weights: Weights, family: GgufFamily, model: Model): Made[] {
  const plain = name.replace('.language_model.', '.');
  const [, block, rest = ''] = /^(?:model|backbone)\.layers\.(\d+)\.(.+)$/.exec(plain) ?? [];
  if (block === undefined) {
    const base = plain === 'lm_head.weight' ? 'output' : WHOLE[plain.split('.')[1]!];
    const isFinal = base === 'output_norm' && family.finalNorm;
    return [{ name: `${base}.weight`, weights: isFinal ? mapped(weights, family.finalNorm!) : weights }];
  }
  const [, module = '', suffix = ''] = /^(.+?)(\.weight|\.bias)?$/.exec(rest) ?? [];
  const at = (part: string) => `blk.${block}.${part}${suffix}`;
  const expert = expertOf(module);
  if (expert !== undefined) return [{ name: at(expert), weights, isPart: true }];
  for (const [pattern, to] of family.rules) {
    if (!pattern.test(module)) continue;
    const made = typeof to === 'string' ? { [module.replace(pattern, to)]: weights } : to(weights, model);
    return Object.entries(made).map(([base, each]) => ({
      name: at(base),
      weights: model.architecture.family === 'falcon_h1' ? falconFactors(base, each, model) : each,
    }));
  }
  throw new RangeError(`The converter does not know ${name}.`);
}

/** Divisors of each pair's frequency, as tensors. */
function ropeFactors(config: Config): Record<string, number[]> {
  const scaling = config['rope_scaling'] as Record<string, number | string | number[]> | undefined;
  if (scaling?.['rope_type'] === 'longrope') {
    return {
      'rope_factors_long.weight': scaling['long_factor'] as number[],
      'rope_factors_short.weight': scaling['short_factor'] as number[],
    };
  }
  return scaling?.['rope_type'] === 'llama3' ? { 'rope_freqs.weight': llama3Divisors(config, scaling) } : {};
}

function llama3Divisors(config: Config, scaling: Readonly<Record<string, unknown>>): number[] {
  const [low, high] = [Number(scaling['low_freq_factor'] ?? 1), Number(scaling['high_freq_factor'] ?? 4)];
  const [factor, trained] = [Number(scaling['factor']), Number(scaling['original_max_position_embeddings'])];
  const dims = Number(config['head_dim']);
  return Array.from({ length: dims / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * Number(config['rope_theta'] ?? 10_000) ** ((2 * i) / dims);
    if (wavelength > trained / low) return factor;
    if (wavelength < trained / high) return 1;
    const smooth = (trained / wavelength - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}
