import { parseConfig } from '../../architecture/config.ts';
import type { TensorSpec } from '../../weights/types.ts';
import { random } from '../arbitrary.ts';
import { safetensorsBytes, testTensor, type TestTensors } from './test-checkpoint.ts';

// Checkpoints of any family, made of a config.json and random weights. The goldens in the tree are results of such weights:
// after a change of a value here, all of them have to be made anew.

/** The fields of a config.json that say how weights are stored. */
interface StorageFields {
  dtype?: string;
  torch_dtype?: string;
  text_config?: StorageFields;
  /** Models that see have weights for it, which nothing here reads. */
  vision_config?: object;
  quantization_config?: { config_groups: { group_0: { weights: { strategy: string } } } };
}

/** The seed of a name (FNV-1a): one for each, so that a tensor more does not move the values of the others. */
function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * `size` numbers of mean 0, deviation 1 and at most 3.5, nearly of a normal distribution: sums of four even ones. Sums and
 * products are the same everywhere, and logarithms are not.
 */
function normals(name: string, size: number): Float64Array {
  const next = random(seedOf(name));
  const drawn = new Float64Array(size);
  for (let i = 0; i < size; i++) drawn[i] = (next() + next() + next() + next() - 2) * Math.sqrt(3);
  return drawn;
}

/** Values of the sizes that trained models have, so that no branch drowns the others. */
function randomWeights(spec: TensorSpec, name: string, shape: readonly number[]): Float64Array {
  const drawn = normals(name, elements(shape));
  const around = (mean: number, deviation: number) => drawn.map((value) => mean + deviation * value);
  // The last one's are of both signs: where the head is the embedding, a token would else be followed by itself.
  const normWeights = () => (spec.name === 'final_norm' ? around(0, 1) : around(1, 0.2));
  // Multiples of 1 / 256, so that what other formats store, the whole weight, has no rounding of its own.
  if (spec.map === 'add_one') return normWeights().map((value) => Math.round(256 * value) / 256 - 1);
  if (spec.map === 'negate_exp') return drawn.map((value) => Math.min(2.7, value));
  if (/dt_bias$|dt_proj\.bias$/.test(name)) return around(-2, 1);
  if (name.endsWith('recurrent_param')) return around(-3, 1);
  if (/norm\w*\.weight$/.test(name)) return normWeights();
  if (/\.D$|bias$/.test(name)) return around(0, 0.5);
  return around(0, 1 / Math.sqrt(shape.at(-1)!));
}

/** A matrix of eight bits and the scale of each row, or one for all. */
function scaledTensors(name: string, shape: readonly number[], weights: Float64Array, strategy: string): TestTensors {
  const [rows, columns] = shape as [number, number];
  const scales = normals(`${name}_scale`, strategy === 'channel' ? rows : 1);
  // Weights are of some 1 / sqrt(columns), and the numbers of eight bits of some tens.
  const stored = scales.map((value) => Math.fround((1 + value / 8) / (32 * Math.sqrt(columns))));
  const values = weights.map((value, index) => value / stored[stored.length > 1 ? Math.floor(index / columns) : 0]!);
  return {
    [name]: testTensor('F8_E4M3', [rows, columns], values),
    [`${name}_scale`]: testTensor('BF16', stored.length > 1 ? [rows, 1] : [1], stored),
  };
}

/** The tensors of this config.json: in BF16 where its dtype is that, else in F32. */
function randomTensors(text: Uint8Array, config: StorageFields): TestTensors {
  const { dtype, torch_dtype } = config.text_config ?? config;
  const type = (dtype ?? torch_dtype) === 'bfloat16' ? 'BF16' : 'F32';
  const strategy = config.quantization_config?.config_groups.group_0.weights.strategy;
  const tensors: TestTensors = {};
  for (const spec of parseConfig(text).tensors) {
    for (const { name, shape } of spec.sources) {
      const weights = randomWeights(spec, name, shape);
      if (strategy && spec.kind === 'matrix' && !spec.vocabulary) {
        Object.assign(tensors, scaledTensors(name, shape, weights, strategy));
      } else tensors[name] = testTensor(type, [...shape], weights);
    }
  }
  if (config.vision_config) {
    tensors['model.visual.pos_embed.weight'] = testTensor(type, [2, 8], normals('model.visual.pos_embed.weight', 16));
  }
  return tensors;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** A checkpoint of this config.json: its files in memory, the same for the same config in every run. */
export function randomCheckpoint(config: object): Record<string, Uint8Array> {
  const text = new TextEncoder().encode(JSON.stringify(config));
  return { 'config.json': text, 'model.safetensors': safetensorsBytes(randomTensors(text, config)) };
}
