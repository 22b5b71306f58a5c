import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Gpu } from '../../gpu/device.ts';
import { GREEDY } from '../../sampling.ts';
import { expectClose } from '../../testing/close.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { ALL } from '../../testing/extent.ts';
import { attention, common, FAMILY_CONFIGS, mamba } from '../../testing/checkpoints/family-configs.ts';
import { loadRandomModel } from '../../testing/models/random-model.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { forwardSteps } from '../forward.ts';
import type { Model } from '../model.ts';
import type { StepReport } from '../sampler.ts';
import { Batch } from './batch.ts';

// Sequences of different lengths that decode together, against each of them alone.

/** Of the largest logit: sums are added up in another order. */
const CLOSE = { ofLargest: 2e-4 };

/** Families that are enough to meet every mixer and MLP. */
const SAMPLE: ReadonlySet<string> = new Set([
  'llama',
  'granitemoehybrid',
  'lfm2',
  'qwen3_next',
  'falcon_mamba',
  'zamba2',
  'recurrent_gemma',
]);

/** What an answer came to: its tokens, and the logits that each was chosen from. */
interface Answer {
  ids: number[];
  logits: Float32Array[];
}

function prompt(seed: number, length: number, vocabulary: number): number[] {
  return Array.from({ length }, (_, index) => (seed * 31 + index * 7 + 1) % vocabulary);
}

const settings = (ids: number[], limit: number) => ({ values: GREEDY, limit, stopIds: [], promptIds: ids });

function add(answer: Answer, { ids, logits }: StepReport): void {
  if (ids.length === 0) return;
  answer.ids.push(...ids);
  answer.logits.push(logits!);
}

async function alone(model: Model, ids: number[], limit: number): Promise<Answer> {
  const answer: Answer = { ids: [], logits: [] };
  model.state.reset();
  await model.prefill(ids, { logits: true });
  add(answer, await model.beginAnswer(settings(ids, limit), { logits: true }));
  await model.reserve(ids.length + limit);
  for (let token = 1; token < limit; token++) add(answer, await model.decodeStep({ logits: true }));
  return answer;
}

/**
 * Holds an answer to that of a lone run. Where inputs are rounded, its tokens may part from those, once the lone run's logits
 * are so near each other that the bound does not tell them apart.
 */
function expectSame(answer: Answer, wanted: Answer, ofLargest: number, what: string): void {
  for (const [token, id] of answer.ids.entries()) {
    const logits = wanted.logits[token]!;
    expectClose(answer.logits[token]!, logits, { ofLargest }, `logits of token ${token} of ${what}`);
    const best = wanted.ids[token]!;
    if (id === best) continue;
    const largest = logits.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(ofLargest, `token ${token} of ${what}`).toBeGreaterThan(CLOSE.ofLargest);
    expect(logits[best]! - logits[id]!, `token ${token} of ${what}`).toBeLessThanOrEqual(2 * ofLargest * largest);
    return;
  }
}

/** An answer in a batch, which begins before step `from`, and whose user leaves after `leave` tokens. */
interface Guest {
  prompt: number[];
  limit: number;
  from: number;
  leave?: number;
}

async function together(model: Model, batch: Batch, guests: readonly Guest[]): Promise<Answer[]> {
  const answers = guests.map((): Answer => ({ ids: [], logits: [] }));
  const slots = new Map<number, number>();
  const isDone = (guest: number) => answers[guest]!.ids.length >= (guests[guest]!.leave ?? guests[guest]!.limit);
  for (let step = 0; answers.some((_, guest) => !isDone(guest)); step++) {
    for (const [guest, { prompt: ids, limit, from }] of guests.entries()) {
      if (from !== step) continue;
      model.state.reset();
      await model.prefill(ids, { logits: true });
      const { slot, report } = await batch.join(settings(ids, limit), { logits: true });
      slots.set(slot, guest);
      batch.go(slot);
      add(answers[guest]!, report);
    }
    const reports = await batch.step(1, new Map([...slots.keys()].map((slot) => [slot, { logits: true }])));
    for (const [slot, report] of reports) {
      const guest = slots.get(slot)!;
      add(answers[guest]!, report);
      if (!isDone(guest)) continue;
      batch.leave(slot);
      slots.delete(slot);
    }
  }
  return answers;
}

describe.skipIf(!hasAdapter)('a batch', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
  });
  afterAll(() => gpu?.dispose());

  const bamba = {
    ...common,
    ...mamba,
    ...attention,
    model_type: 'bamba',
    num_hidden_layers: 2,
    attn_layer_indices: [1],
  };
  const families = Object.entries(FAMILY_CONFIGS).filter(([name]) => ALL || SAMPLE.has(name.split(':')[0]!));

  async function expectAlone(
    config: object,
    slots: number,
    guests: (vocabulary: number) => Guest[],
    { ofLargest = CLOSE.ofLargest, ...options }: Parameters<typeof loadRandomModel>[2] & { ofLargest?: number } = {},
  ): Promise<void> {
    const model = await loadRandomModel(gpu, config, options);
    let batch: Batch | undefined;
    try {
      const all = guests(model.architecture.vocabSize);
      const expected: Answer[] = [];
      for (const { prompt: ids, limit } of all) expected.push(await alone(model, ids, limit));
      batch = await Batch.create(model, slots);
      const found = await together(model, batch, all);
      for (const [guest, answer] of found.entries()) expectSame(answer, expected[guest]!, ofLargest, `guest ${guest}`);
      expect(batch.taken).toEqual([]);
    } finally {
      batch?.dispose();
      model.dispose();
    }
  }

  it.each(families)('of %s answers as each sequence alone', { timeout: 120_000 }, async (_, config) => {
    await expectAlone(config, 2, (V) => [
      { prompt: prompt(1, 5, V), limit: 7, from: 0 },
      { prompt: prompt(2, 19, V), limit: 9, from: 1, leave: 3 },
      { prompt: prompt(3, 1, V), limit: 5, from: 4 },
    ]);
  });

  it('lets sequences join and leave in the middle, of any slot', { timeout: 120_000 }, async () => {
    await expectAlone(bamba, 4, (V) => [
      { prompt: prompt(1, 5, V), limit: 7, from: 0 },
      { prompt: prompt(2, 19, V), limit: 9, from: 0, leave: 3 },
      { prompt: prompt(3, 1, V), limit: 5, from: 2 },
      { prompt: prompt(4, 11, V), limit: 4, from: 5 },
      { prompt: prompt(5, 3, V), limit: 300, from: 3, leave: 6 },
    ]);
  });

  // With one digit, a number is rounded by up to half a 127th of its group's largest; with two, of a 32,639th.
  it.each([
    { digits: 1, scheme: 'int8', ofLargest: 0.1 },
    { digits: 1, scheme: 'int4', ofLargest: 0.1 },
    { digits: 2, scheme: 'int8', ofLargest: 5e-4 },
    { digits: 2, scheme: 'int4', ofLargest: 5e-4 },
  ] as const)(
    'answers nearly as each sequence alone with inputs of $digits digits and $scheme weights',
    { timeout: 120_000 },
    async ({ digits, scheme, ofLargest }) => {
      const guests = (V: number) => [
        { prompt: prompt(1, 5, V), limit: 7, from: 0 },
        { prompt: prompt(2, 19, V), limit: 9, from: 1 },
      ];
      await expectAlone(bamba, 2, guests, { scheme, batchDigits: digits, ofLargest });
    },
  );

  it('makes room for a sequence that outgrows its keys and values', { timeout: 120_000 }, async () => {
    await expectAlone(bamba, 2, (V) => [
      { prompt: prompt(6, 253, V), limit: 8, from: 0 },
      { prompt: prompt(7, 4, V), limit: 6, from: 1 },
    ]);
  });

  it('allocates, binds and compiles nothing for a step, nor when one joins', { timeout: 120_000 }, async () => {
    const model = await loadRandomModel(gpu, bamba);
    let batch: Batch | undefined;
    try {
      const ids = prompt(1, 5, model.architecture.vocabSize);
      await model.prefill(ids, { logits: true });
      batch = await Batch.create(model, 2);
      for (const _ of [0, 1]) batch.go((await batch.join(settings(ids, 100))).slot);
      await expect(batch.join(settings(ids, 100))).rejects.toMatchObject({ code: 'busy' });
      await batch.step();
      const { bytes } = batch;
      const made = (['createBuffer', 'createBindGroup', 'createComputePipelineAsync'] as const).map((name) =>
        vi.spyOn(gpu.device, name),
      );
      for (let round = 0; round < 20; round++) {
        batch.leave(round % 2);
        const { slot } = await batch.join(settings(ids, 100));
        expect(slot).toBe(round % 2);
        batch.go(slot);
        expect((await batch.step(2)).size).toBe(2);
      }
      for (const calls of made) expect(calls).not.toHaveBeenCalled();
      expect(batch.bytes).toBe(bytes);
    } finally {
      vi.restoreAllMocks();
      batch?.dispose();
      model.dispose();
    }
  });

  it('takes steps whose reports come late, and one alone does', { timeout: 120_000 }, async () => {
    const model = await loadRandomModel(gpu, bamba);
    let batch: Batch | undefined;
    try {
      const ids = prompt(1, 5, model.architecture.vocabSize);
      const wanted = await alone(model, ids, 8);
      batch = await Batch.create(model, 2);
      model.state.reset();
      await model.prefill(ids, { logits: true });
      const slots = [await batch.join(settings(ids, 8)), await batch.join(settings(ids, 8))];
      for (const { slot } of slots) batch.go(slot);
      // All of them before any is heard of.
      const steps = await Promise.all(Array.from({ length: 7 }, () => batch!.step()));
      for (const { slot, report } of slots) {
        const answer = [...report.ids, ...steps.flatMap((reports) => reports.get(slot)!.ids)];
        expect(answer).toEqual(wanted.ids);
      }
      const reports = [model.beginAnswer(settings(ids, 8))];
      await model.reserve(ids.length + 8);
      const all = await Promise.all([...reports, ...Array.from({ length: 7 }, () => model.decode(1))]);
      expect(all.flatMap((report) => report.ids)).toEqual(wanted.ids);
      gpu.check();
    } finally {
      batch?.dispose();
      model.dispose();
    }
  });

  it('gives a sequence back to the model, which goes on as if it had never been in a batch', async () => {
    const model = await loadRandomModel(gpu, bamba);
    let batch: Batch | undefined;
    try {
      const ids = prompt(1, 5, model.architecture.vocabSize);
      const wanted = await alone(model, ids, 6);
      batch = await Batch.create(model, 2);
      model.state.reset();
      await model.prefill(ids, { logits: true });
      const { slot, report } = await batch.join(settings(ids, 6));
      batch.go(slot);
      batch.go((await batch.join(settings(ids, 6))).slot);
      const answer = [...report.ids, ...(await batch.step(3)).get(slot)!.ids];
      expect(answer).toEqual(wanted.ids.slice(0, 4));
      model.state.reset();
      await model.prefill(prompt(2, 30, model.architecture.vocabSize));
      batch.rest(slot);
      expect([...(await batch.step(2)).keys()]).toEqual([1 - slot]);
      await batch.giveBack(slot, [...ids, ...answer.slice(0, -1)]);
      expect(batch.taken).toEqual([1]);
      const { logits } = await forwardSteps(model, answer.slice(-1));
      expectClose(logits, wanted.logits[4]!, CLOSE, 'logits behind the answer');
    } finally {
      batch?.dispose();
      model.dispose();
    }
  });
});
