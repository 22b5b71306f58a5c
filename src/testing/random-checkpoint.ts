import { parseConfig } from '../model/config.ts';
import { type ByteSource, memorySource } from '../weights/byte-source.ts';
import { safetensorsBytes, testTensor, type TestTensors } from '../weights/test-checkpoint.ts';
import { randomTensor } from './arbitrary.ts';

/**
 * A checkpoint with all tensors that a config calls for, drawn at random: as large as those of trained models, so that
 * every part of a block shows in what comes out.
 */
export function randomCheckpoint(config: Readonly<Record<string, unknown>>, seed = 1): ByteSource {
  const text = new TextEncoder().encode(JSON.stringify(config));
  const tensors: TestTensors = {};
  for (const [index, { name, shape }] of parseConfig(text).tensors.flatMap(({ sources }) => sources).entries()) {
    const size = shape.reduce((product, length) => product * length, 1);
    tensors[name] = testTensor('F32', [...shape], drawn(name, randomTensor(seed + index, size), shape));
  }
  return memorySource({ 'config.json': text, 'model.safetensors': safetensorsBytes(tensors) });
}

/** Normal numbers made into such a tensor. */
function drawn(name: string, values: Float32Array, shape: readonly number[]): Float32Array {
  if (/A_log$/.test(name)) return values;
  if (/dt_bias$/.test(name)) return values.map((value) => value - 2);
  // Weights of norms, and the skip.
  if (/norm\w*\.weight$|\.D$/.test(name)) return values.map((value) => 1 + 0.3 * value);
  const columns = shape.length > 1 ? shape.at(-1)! : 1;
  return values.map((value) => value / Math.sqrt(columns));
}
