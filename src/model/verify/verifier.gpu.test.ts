import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Gpu } from '../../gpu/device.ts';
import { GREEDY, type SamplingValues } from '../../sampling.ts';
import { attention, common, FAMILY_CONFIGS, mamba } from '../../testing/checkpoints/family-configs.ts';
import { expectClose } from '../../testing/close.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { ALL } from '../../testing/extent.ts';
import { decodeCache } from '../../reference/kv_cache.ts';
import { loadRandomModel } from '../../testing/models/random-model.ts';
import { forward, readState } from '../forward.ts';
import { canVerify } from '../hybrid.ts';
import type { Model } from '../model.ts';
import { Verifier } from './verifier.ts';

// Steps over several positions of a sequence, against steps of one token each.

/** Of the largest logit, or of the largest number of a state: sums are added up in another order. */
const CLOSE = { ofLargest: 2e-4 };

/** Families that are enough to meet every mixer and MLP that can be verified. */
const SAMPLE: ReadonlySet<string> = new Set(['llama', 'falcon_h1', 'nemotron_h', 'bamba']);

const BAMBA = {
  ...common,
  ...mamba,
  ...attention,
  model_type: 'bamba',
  num_hidden_layers: 3,
  attn_layer_indices: [1],
};

const promptOf = (V: number, length = 9) => Array.from({ length }, (_, index) => (index * 7 + 1) % V);

const settingsOf = (values: SamplingValues, promptIds: number[], limit: number, stopIds: number[] = []) => ({
  values,
  limit,
  stopIds,
  promptIds,
});

/** An answer by steps of one token each. */
async function oneByOne(model: Model, settings: ReturnType<typeof settingsOf>): Promise<number[]> {
  model.state.reset();
  await model.prefill(settings.promptIds, { logits: true });
  const { ids } = await model.beginAnswer(settings);
  await model.reserve(settings.promptIds.length + settings.limit);
  return [...ids, ...(await model.decode(settings.limit - 1)).ids];
}

/**
 * An answer by verification.
 * @param draft what stands for the tokens behind so many: the rest of the answer, as far as they are right
 * @returns its tokens, and for each step how many it gave
 */
async function verified(
  model: Model,
  verifier: Verifier,
  settings: ReturnType<typeof settingsOf>,
  draft: (answered: number) => number[],
): Promise<{ ids: number[]; steps: number[] }> {
  const { promptIds, limit } = settings;
  model.state.reset();
  await model.prefill(promptIds, { logits: true });
  const { ids, ended: over } = await model.beginAnswer(settings);
  await model.reserve(promptIds.length + limit + verifier.most);
  const steps: number[] = [];
  for (let ended = over; !ended;) {
    const report = await verifier.step([ids.at(-1)!, ...draft(ids.length)]);
    ids.push(...report.ids);
    steps.push(report.ids.length);
    ended = report.ended;
    model.state.tokens = [...promptIds, ...ids.slice(0, -1)];
  }
  return { ids, steps };
}

/** What the blocks of a model keep, and the logits behind it. */
async function behind(model: Model, last: number) {
  const states = [];
  for (const index of model.architecture.blocks.keys()) states.push(await readState(model, index, decodeCache));
  const { logits } = await forward(model, [last]);
  return { states, logits };
}

describe.skipIf(!hasAdapter)('a verifier', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
  });
  afterAll(() => gpu?.dispose());

  async function withModel(
    config: object,
    work: (model: Model, verifier: Verifier) => Promise<void>,
    options: Parameters<typeof loadRandomModel>[2] = {},
  ): Promise<void> {
    const model = await loadRandomModel(gpu, config, options);
    let verifier: Verifier | undefined;
    try {
      verifier = await Verifier.create(model);
      await work(model, verifier);
      gpu.check();
    } finally {
      verifier?.dispose();
      model.dispose();
    }
  }

  const verifiable = Object.entries(FAMILY_CONFIGS).filter(([name]) => ALL || SAMPLE.has(name.split(':')[0]!));

  it.each(verifiable)(
    'of %s, gives the same tokens and leaves the same states',
    { timeout: 120_000 },
    async (_family, config) => {
      const probe = await loadRandomModel(gpu, config);
      const takes = Verifier.takes(probe);
      expect(takes).toBe(canVerify(probe.architecture));
      probe.dispose();
      if (!takes) return;
      await withModel(config, async (model, verifier) => {
        const { vocabSize: V } = model.architecture;
        const settings = settingsOf(GREEDY, promptOf(V), 24);
        const wanted = await oneByOne(model, settings);
        const lone = wanted.slice(0, -1);
        model.state.tokens = [...settings.promptIds, ...lone];
        const expected = await behind(model, wanted.at(-1)!);
        // Of six drafts, the first are right: so many as the answer has by then, modulo 7.
        const draft = (answered: number) =>
          Array.from({ length: 6 }, (_, index) => {
            const token = wanted[answered + index] ?? 0;
            return index < answered % 7 ? token : (token + 1) % V;
          });
        const { ids, steps } = await verified(model, verifier, settings, draft);
        expect(ids).toEqual(wanted);
        expect(Math.max(...steps)).toBeGreaterThan(2);
        const found = await behind(model, ids.at(-1)!);
        expectClose(found.logits, expected.logits, CLOSE, 'logits behind the answer');
        for (const [block, state] of found.states.entries()) {
          for (const [name, values] of Object.entries(state)) {
            const kept = expected.states[block]![name]!;
            expectClose(values, kept, CLOSE, `${name} of block ${block}`);
          }
        }
      });
    },
  );

  it('gives the tokens of any settings, whatever is right of the drafts', { timeout: 120_000 }, async () => {
    await withModel(BAMBA, async (model, verifier) => {
      const { vocabSize: V } = model.architecture;
      const samplings: Partial<SamplingValues>[] = [
        { temperature: 1, seed: 1 },
        { temperature: 1.5, topK: 9, repetitionPenalty: 1.3, seed: 2 },
        { temperature: 0.8, topP: 0.8, frequencyPenalty: 0.4, presencePenalty: 0.2, seed: 3 },
      ];
      for (const [index, sampling] of samplings.entries()) {
        const settings = settingsOf({ ...GREEDY, ...sampling }, promptOf(V), 16);
        const wanted = await oneByOne(model, settings);
        const drafts = fc.array(fc.tuple(fc.nat(15), fc.boolean()), { minLength: 16, maxLength: 16 });
        const draws = fc.sample(drafts, { numRuns: 2, seed: index });
        for (const draw of draws) {
          const draft = (answered: number) => {
            const [length, isRight] = draw[answered]!;
            return Array.from({ length }, (_, at) => {
              const token = wanted[answered + at] ?? 0;
              return isRight || at % 3 < 2 ? token : (token + 1) % V;
            });
          };
          expect((await verified(model, verifier, settings, draft)).ids).toEqual(wanted);
        }
      }
    });
  });

  it.each([
    { what: 'integers in f32', scheme: 'int8', most: 8, ofLargest: 2e-4 },
    { what: 'integers in two digits', scheme: 'int8', most: 4, digits: 2, ofLargest: 5e-4 },
  ] as const)(
    'multiplies $what, of sequences that grow',
    { timeout: 120_000 },
    async ({ scheme, ofLargest, ...options }) => {
      const model = await loadRandomModel(gpu, BAMBA, { scheme, kvCacheType: 'int8', segmentTokens: 256 });
      let verifier: Verifier | undefined;
      try {
        verifier = await Verifier.create(model, options);
        const settings = settingsOf(GREEDY, promptOf(model.architecture.vocabSize, 251), 9);
        const wanted = await oneByOne(model, settings);
        model.state.tokens = [...settings.promptIds, ...wanted.slice(0, -1)];
        const expected = await behind(model, wanted.at(-1)!);
        const { ids } = await verified(model, verifier, settings, (answered) => wanted.slice(answered, answered + 3));
        expect(ids).toEqual(wanted);
        const { logits } = await behind(model, ids.at(-1)!);
        expectClose(logits, expected.logits, { ofLargest }, 'logits behind the answer');
      } finally {
        verifier?.dispose();
        model.dispose();
      }
    },
  );

  it('allocates, binds and compiles nothing for a step', { timeout: 120_000 }, async () => {
    await withModel(BAMBA, async (model, verifier) => {
      const settings = settingsOf(GREEDY, promptOf(model.architecture.vocabSize), 60);
      const wanted = await oneByOne(model, settings);
      const draft = (answered: number) => wanted.slice(answered, answered + 3);
      await verified(model, verifier, { ...settings, limit: 9 }, draft);
      const { bytes } = verifier;
      const made = (['createBuffer', 'createBindGroup', 'createComputePipelineAsync'] as const).map((name) =>
        vi.spyOn(gpu.device, name),
      );
      try {
        expect((await verified(model, verifier, settings, draft)).ids).toEqual(wanted);
        for (const calls of made) expect(calls).not.toHaveBeenCalled();
        expect(verifier.bytes).toBe(bytes);
      } finally {
        vi.restoreAllMocks();
      }
    });
  });

  it('is for no family whose state moves with its outputs', async () => {
    const model = await loadRandomModel(gpu, FAMILY_CONFIGS['lfm2: short convolutions with biases, norms of q and k']!);
    expect(Verifier.takes(model)).toBe(false);
    model.dispose();
  });
});
