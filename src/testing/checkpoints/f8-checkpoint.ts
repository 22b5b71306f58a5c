import { parseConfig } from '../../architecture/config.ts';
import type { TestTensors } from './test-checkpoint.ts';

// Checkpoints in F8, whose bytes are quick to make and stand for four times as many of a package in f32.

/** Config of a small Llama: one block, its embedding being its head. Its gate and up projections are interleaved. */
export const LLAMA = {
  model_type: 'llama',
  vocab_size: 3094,
  hidden_size: 1000,
  intermediate_size: 256,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 1,
  head_dim: 64,
  tie_word_embeddings: true,
};

/** `config` as the file config.json. */
export function configFile(config: object): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(config));
}

/** A tensor of bytes that are numbers in F8, others for another seed. */
export function f8Tensor(shape: readonly number[], seed: number): TestTensors[string] {
  const data = new Uint8Array(shape.reduce((product, length) => product * length, 1));
  for (let i = 0; i < data.length; i++) data[i] = (Math.imul(i + seed * 7919, 2_654_435_761) >>> 25) % 0x7f;
  return { dtype: 'F8_E4M3', shape: [...shape], data };
}

/** The tensors that a checkpoint of this config has, in the order in which a package takes them. */
export function f8Tensors(config: object, seed: number): TestTensors {
  const sources = parseConfig(configFile(config)).tensors.flatMap((tensor) => tensor.sources);
  return Object.fromEntries(sources.map(({ name, shape }, index) => [name, f8Tensor(shape, 100 * seed + index)]));
}
