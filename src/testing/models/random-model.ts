import { expect } from 'vitest';
import { loadModel, type LoadModelOptions } from '../../engine/loading/load.ts';
import { packCheckpoint } from '../../engine/loading/pack-checkpoint.ts';
import type { Gpu } from '../../gpu/device.ts';
import { packageTensors } from '../../architecture/config.ts';
import { forward } from '../../model/forward.ts';
import { dryRun } from '../../model/cost/dry-run.ts';
import type { Model } from '../../model/model.ts';
import { forward as reference } from '../../reference/forward.ts';
import { GREEDY } from '../../sampling.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { memorySource } from '../../weights/byte-source.ts';
import { planTensors } from '../../weights/package-writer.ts';
import type { Scheme } from '../../weights/types.ts';
import { randomTensor } from '../arbitrary.ts';
import { expectClose } from '../close.ts';
import { readPackageModel } from '../checkpoints/package-model.ts';
import { randomCheckpoint } from '../checkpoints/random-checkpoint.ts';

// Whole models of any family, made of a config.json and random weights, against the reference in f64.

/**
 * Of the largest magnitude: sums of some hundred products in f32, over a few blocks, whose norms enlarge the errors of what
 * is small. A wrong formula is off by far more.
 */
const CLOSE = { ofLargest: 1e-4 };

/** A model of this config.json with random weights. */
export async function loadRandomModel(
  gpu: Gpu,
  config: object,
  { scheme = 'f32', ...options }: LoadModelOptions & { scheme?: Scheme } = {},
): Promise<Model> {
  return loadModel(gpu, await packCheckpoint(memorySource(randomCheckpoint(config)), scheme, 'random'), options);
}

/** What is said of a model beforehand is what it takes, to the byte, and what it dispatches for a token. */
function expectCost(model: Model, scheme: Scheme): void {
  const { architecture, chunkTokens, gpu } = model;
  const { capacity: tokens, cacheType } = model.state;
  const { features, limits } = gpu;
  const settings = { tokens, chunkTokens, cacheType, features, limits };
  const { bytes, step } = dryRun(architecture, planTensors(packageTensors(architecture), scheme), settings);
  const { weights, state, activations } = model.bytes;
  expect(bytes.weights).toBe(weights);
  expect(bytes.state + bytes.keysAndValues).toBe(state);
  expect(bytes.working).toBe(activations);
  expect(step.map(({ label, kernel }) => `${label} / ${kernel.name}`)).toEqual(model.decodeDispatches);
}

/**
 * Holds a model of this config.json, of random weights in a scheme, to the reference with the same weights, and its memory
 * to what is said of it.
 */
export async function expectReferenceModel(gpu: Gpu, config: object, scheme: Scheme): Promise<void> {
  const source = await packCheckpoint(memorySource(randomCheckpoint(config)), scheme, 'random');
  const model = await loadModel(gpu, source);
  try {
    expectCost(model, scheme);
    await expectReference(model, source);
  } finally {
    model.dispose();
  }
}

/**
 * Holds a model to the reference with the weights of its package, as they were rounded: its logits and hidden states over a
 * prompt, in one piece and in two, and the tokens of a greedy answer and the state behind it; and what goes on from a
 * snapshot to what never stopped.
 */
export async function expectReference(model: Model, source: PackageSource): Promise<void> {
  const { architecture, tensors } = await readPackageModel(source);
  const { vocabSize } = architecture;
  const prompt = Array.from(randomTensor(1, 37), (value) => Math.floor(Math.abs(value) * 1e4) % vocabSize);
  const expected = reference(architecture, tensors, prompt);
  model.state.reset();
  const whole = await forward(model, prompt, { hidden: true });
  expectClose(whole.logits, expected.logits, CLOSE, 'logits');
  const hidden = [...expected.hidden, expected.normed];
  expect(whole.hidden).toHaveLength(hidden.length);
  for (const [index, wanted] of hidden.entries()) {
    expectClose(whole.hidden[index]!, wanted, CLOSE, `hidden state ${index}`);
  }
  for (const split of [1, 18]) {
    model.state.reset();
    const first = await forward(model, prompt.slice(0, split));
    const second = await forward(model, prompt.slice(split));
    expectClose([...first.logits, ...second.logits], expected.logits, CLOSE, `logits, split at ${split}`);
  }
  await expectSnapshots(model, prompt);
  await expectReferenceGreedy(model, prompt, (ids) => reference(architecture, tensors, ids).logits);
}

/** A sequence goes on from a snapshot exactly as it did when the snapshot was taken, whatever was run in between. */
export async function expectSnapshots(model: Model, prompt: readonly number[]): Promise<void> {
  model.state.reset();
  await model.prefill(prompt.slice(0, 20), { logits: true });
  const snapshot = await model.snapshot();
  try {
    const never = await forward(model, prompt.slice(20));
    model.state.reset();
    await model.prefill(prompt.toReversed());
    await model.restore(snapshot);
    expect(model.state.tokens).toEqual(prompt.slice(0, 20));
    expect((await forward(model, prompt.slice(20))).logits).toEqual(never.logits);
  } finally {
    snapshot.dispose();
  }
}

/** Every token of a greedy answer is the best or within rounding of it, and what follows it is what should. */
async function expectReferenceGreedy(
  model: Model,
  prompt: readonly number[],
  logitsOf: (ids: readonly number[]) => Float64Array,
): Promise<void> {
  const { vocabSize } = model.architecture;
  model.state.reset();
  await model.prefill(prompt, { logits: true });
  const settings = { values: GREEDY, limit: 9, stopIds: [], promptIds: prompt };
  const answer = [...(await model.beginAnswer(settings)).ids, ...(await model.decode(8)).ids];
  expect(answer).toHaveLength(9);
  // The state knows all tokens but the last, and all that passes beyond the answer's end must have left it alone.
  await model.decode(2);
  model.state.tokens = [...prompt, ...answer.slice(0, -1)];
  const { logits } = await forward(model, answer.slice(-1));
  const expected = logitsOf([...prompt, ...answer]);
  expectClose(logits, expected.subarray(-vocabSize), CLOSE, 'logits behind the answer');
  for (const [place, id] of answer.entries()) {
    const row = expected.subarray((prompt.length - 1 + place) * vocabSize).subarray(0, vocabSize);
    const best = row.reduce((most, value) => Math.max(most, value));
    const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(best - row[id]!, `token ${place} of the answer`).toBeLessThanOrEqual(2 * CLOSE.ofLargest * largest);
  }
}
