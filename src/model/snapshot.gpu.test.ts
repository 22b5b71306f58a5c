import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFloats, slice } from '../gpu/buffers.ts';
import { Gpu } from '../gpu/device.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { measure } from '../testing/close.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { attention, common, FAMILY_CONFIGS, mamba } from '../testing/checkpoints/family-configs.ts';
import { loadRandomModel } from '../testing/models/random-model.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { forward } from './forward.ts';
import type { Model } from './model.ts';
import type { StateType } from './state-converter.ts';

// Snapshots whose SSM states are rounded to f16, of models that are small and of random weights.

const BAMBA = { ...common, ...mamba, ...attention, model_type: 'bamba', num_hidden_layers: 3, attn_layer_indices: [1] };
const FALCON_MAMBA = Object.entries(FAMILY_CONFIGS).find(([name]) => name.startsWith('falcon_mamba'))![1];
const prompt = Array.from(randomTensor(2, 700), (value) => Math.floor(Math.abs(value) * 1e4) % common.vocab_size);
const KEPT = 640;

/** What f16 states may cost the tokens that follow, of the largest logit: a rounding of 2^-11 of each of many terms. */
const ROUNDED = 1e-3;

describe.skipIf(!hasAdapter)('a snapshot with states in f16', () => {
  let gpu: Gpu;
  const models: Model[] = [];
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
  });
  afterAll(() => {
    for (const model of models) model.dispose();
    gpu?.dispose();
  });
  const load = async (config: object, stateCacheType: StateType): Promise<Model> => {
    const model = await loadRandomModel(gpu, config, { contextLength: 1024, stateCacheType });
    models.push(model);
    return model;
  };

  it.each([
    ['bamba', BAMBA, 2 * 4 * 16 * 16],
    ['falcon_mamba', FALCON_MAMBA, 2 * 124 * 16],
  ])('goes on within its rounding, for a %s, in half the bytes', async (_, config, elements) => {
    const model = await load(config, 'f16');
    await model.prefill(prompt.slice(0, KEPT), { logits: true });
    const snapshot = await model.snapshot();
    expect(snapshot.bytes).toBe(model.snapshotBytes());
    const never = (await forward(model, prompt.slice(KEPT))).logits;
    await model.restore(snapshot);
    const restored = (await forward(model, prompt.slice(KEPT))).logits;
    const largest = never.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const { abs } = measure(restored, never);
    expect(abs).toBeGreaterThan(0);
    expect(abs / largest).toBeLessThanOrEqual(ROUNDED);
    // What is rounded once is not rounded again.
    await model.restore(snapshot);
    const again = await model.snapshot();
    await model.prefill(prompt.slice(0, 5));
    await model.restore(again);
    expect((await forward(model, prompt.slice(KEPT))).logits).toEqual(restored);
    const exact = await load(config, 'f32');
    await exact.prefill(prompt.slice(0, KEPT), { logits: true });
    const whole = await exact.snapshot();
    expect(whole.bytes - snapshot.bytes).toBe(2 * elements);
    // Either kind of model takes either kind of snapshot.
    await exact.restore(snapshot);
    expect((await forward(exact, prompt.slice(KEPT))).logits).toEqual(restored);
    for (const one of [snapshot, again, whole]) one.dispose();
  });

  it('brings back the logits that an answer begins with, all of them', async () => {
    const model = await load(BAMBA, 'f32');
    const logits = () => readFloats(gpu.device, slice(model.promptLogits));
    await model.prefill(prompt.slice(0, 5), { logits: true });
    const snapshot = await model.snapshot();
    const kept = await logits();
    await model.prefill(prompt.slice(5, 9), { logits: true });
    expect(measure(await logits(), kept).abs).toBeGreaterThan(0);
    await model.restore(snapshot);
    expect(await logits()).toEqual(kept);
    snapshot.dispose();
  });
});
