import { parseConfig } from '../architecture/config.ts';
import { safetensorsBytes, testTensor } from './test-checkpoint.ts';
import { randomTensor } from './arbitrary.ts';

// Checkpoints of any family, made of a config.json and random weights.

/** Values of the sizes that trained models have, so that no branch drowns the others. */
function randomWeights(name: string, shape: readonly number[], seed: number): Float32Array {
  const size = shape.reduce((product, length) => product * length, 1);
  const normal = (scale: number) => randomTensor(seed, size, scale);
  if (name.endsWith('A_log')) return normal(1).map((value) => Math.min(2.7, value));
  if (/dt_bias$|dt_proj\.bias$/.test(name)) return normal(1).map((value) => value - 2);
  if (name.endsWith('recurrent_param')) return normal(1).map((value) => value - 3);
  if (/norm\w*\.weight$/.test(name)) return normal(0.2).map((value) => value + 1);
  if (name.endsWith('conv1d.weight')) return normal(0.5);
  if (/\.D$|bias$/.test(name)) return normal(0.5);
  return normal(1 / Math.sqrt(shape.at(-1)!));
}

/** A checkpoint of this config.json: its files in memory. */
export function randomCheckpoint(config: object): Record<string, Uint8Array> {
  const text = new TextEncoder().encode(JSON.stringify(config));
  const shapes = new Map<string, readonly number[]>();
  for (const { sources } of parseConfig(text).tensors) for (const { name, shape } of sources) shapes.set(name, shape);
  const tensors = [...shapes].map(([name, shape], index): [string, ReturnType<typeof testTensor>] => [
    name,
    testTensor('F32', [...shape], randomWeights(name, shape, index + 1)),
  ]);
  return { 'config.json': text, 'model.safetensors': safetensorsBytes(Object.fromEntries(tensors)) };
}
