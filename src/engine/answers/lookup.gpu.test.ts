import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Gpu } from '../../gpu/device.ts';
import { forward } from '../../model/forward.ts';
import type { Model } from '../../model/model.ts';
import { GREEDY, type SamplingValues } from '../../sampling.ts';
import { random } from '../../testing/arbitrary.ts';
import { attention, common, mamba } from '../../testing/checkpoints/family-configs.ts';
import { expectClose } from '../../testing/close.ts';
import { packQuickModel } from '../../testing/models/quick-model.ts';
import { asciiIds, packTinyModel } from '../../testing/models/tiny-model.ts';
import { take } from '../../testing/engines/answer.ts';
import { LocalEngine } from '../local-engine.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { loadRandomModel } from '../../testing/models/random-model.ts';
import { type AnswerPiece, generateIds } from '../../generate/generate.ts';
import { generateByLookup } from '../../generate/lookup/generate-by-lookup.ts';
import { Lookup } from '../../generate/lookup/lookup.ts';

const BAMBA = {
  ...common,
  ...mamba,
  ...attention,
  model_type: 'bamba',
  num_hidden_layers: 2,
  attn_layer_indices: [1],
};

/** Of the largest logit: sums are added up in another order. */
const CLOSE = { ofLargest: 2e-4 };

/** Tokens of an answer that goes on when its first repetition is seen: steps run ahead by 60 tokens at most. */
const LONG = 150;

/** A prompt that says the same twice, as far as a random model cares. */
function promptOf(seed: number, V: number): number[] {
  const next = random(seed);
  const text = Array.from({ length: 12 }, () => Math.floor(next() * V));
  return [...text, ...text];
}

const settingsOf = (promptIds: number[], limit: number, values: SamplingValues = GREEDY, stopIds: number[] = []) => ({
  values,
  limit,
  stopIds,
  promptIds,
});

describe.skipIf(!hasAdapter)('an answer by lookup', { timeout: 120_000 }, () => {
  let gpu: Gpu;
  let model: Model;
  let lookup: Lookup;
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
    model = await loadRandomModel(gpu, BAMBA);
    lookup = Lookup.of(model)!;
    await lookup.prepare();
  }, 120_000);
  afterEach(() => vi.restoreAllMocks());
  afterAll(() => {
    lookup?.dispose();
    model?.dispose();
    gpu?.dispose();
  });

  async function read(promptIds: readonly number[]): Promise<void> {
    model.state.reset();
    await model.prefill(promptIds, { logits: true });
  }

  async function collect(pieces: AsyncIterable<AnswerPiece>, most = Infinity) {
    const found = { ids: [] as number[], accepted: 0, drafted: 0, ended: false };
    for await (const { ids, drafts, ended } of pieces) {
      found.ids.push(...ids);
      found.accepted += drafts?.accepted ?? 0;
      found.drafted += drafts?.drafted ?? 0;
      found.ended = ended;
      if (found.ids.length >= most) break;
    }
    return found;
  }

  /** Holds an answer to one without drafts, and what is behind it. */
  async function expectSame(settings: ReturnType<typeof settingsOf>) {
    await read(settings.promptIds);
    const wanted = await collect(generateIds(model, settings));
    const tokens = [...model.state.tokens];
    const expected = await forward(model, wanted.ids.slice(-1));
    await read(settings.promptIds);
    const found = await collect(generateByLookup(model, settings, lookup));
    expect(found.ids).toEqual(wanted.ids);
    expect(found.ended).toBe(true);
    expect(model.state.tokens).toEqual(tokens);
    const { logits } = await forward(model, found.ids.slice(-1));
    expectClose(logits, expected.logits, CLOSE, 'logits behind the answer');
    return found;
  }

  it('has the tokens of one without, and the state behind it', async () => {
    const { vocabSize: V } = model.architecture;
    let accepted = 0;
    for (const seed of [1, 2, 3]) accepted += (await expectSame(settingsOf(promptOf(seed, V), LONG))).accepted;
    expect(accepted).toBeGreaterThan(40);
  });

  it('ends at a stop id or at the limit in the middle of a draft', async () => {
    const { vocabSize: V } = model.architecture;
    const prompt = promptOf(1, V);
    await read(prompt);
    const { ids } = await collect(generateIds(model, settingsOf(prompt, 60)));
    for (const limit of [1, 2, 31, 42]) await expectSame(settingsOf(prompt, limit));
    await expectSame(settingsOf(prompt, 60, GREEDY, [ids.at(-1)!]));
  });

  it('draws the same tokens, whatever the settings are', async () => {
    const { vocabSize: V } = model.architecture;
    const settings: Partial<SamplingValues>[] = [
      { temperature: 0.2 },
      { temperature: 0.7, topK: 2, seed: 5 },
      { temperature: 1, topP: 0.3, minP: 0.1, seed: 6 },
      { repetitionPenalty: 1.05 },
      { temperature: 0.3, frequencyPenalty: 0.01, presencePenalty: -0.1, seed: 7 },
      { logitBias: new Map([[3, 40]]), temperature: 1, seed: 8 },
    ];
    let drafted = 0;
    for (const values of settings) {
      drafted += (await expectSame(settingsOf(promptOf(2, V), LONG, { ...GREEDY, ...values }))).drafted;
    }
    expect(drafted).toBeGreaterThan(20);
  });

  it('goes on elsewhere where that is wanted, and knows its tokens however it is left', async () => {
    const { vocabSize: V } = model.architecture;
    const settings = settingsOf(promptOf(1, V), 90);
    await read(settings.promptIds);
    const wanted = await collect(generateIds(model, settings));
    for (const most of [1, 20, 40]) {
      await read(settings.promptIds);
      let count = 0;
      const wants = generateByLookup(model, settings, lookup, () => count >= most);
      const first = [];
      for await (const { ids } of wants) {
        first.push(...ids);
        count = first.length;
      }
      expect(first.length).toBeGreaterThanOrEqual(most);
      expect(model.state.tokens).toEqual([...settings.promptIds, ...first.slice(0, -1)]);
      if (first.length < settings.limit) {
        await read([...settings.promptIds, ...first]);
        const rest = await collect(generateByLookup(model, { ...settings, answered: first }, lookup));
        expect([...first, ...rest.ids]).toEqual(wanted.ids);
      }

      await read(settings.promptIds);
      const left = await collect(generateByLookup(model, settings, lookup), most);
      expect(left.ids).toEqual(wanted.ids.slice(0, left.ids.length));
      const fed = model.state.tokens.slice(settings.promptIds.length);
      expect(fed).toEqual(wanted.ids.slice(0, fed.length));
      expect(fed.length).toBeGreaterThanOrEqual(left.ids.length - 1);
    }
  });

  it('waits for nothing while what verifies is being made, and goes on without where it cannot be', async () => {
    const { vocabSize: V } = model.architecture;
    const settings = settingsOf(promptOf(1, V), LONG);
    await read(settings.promptIds);
    const wanted = await collect(generateIds(model, settings));
    const other = Lookup.of(model)!;
    const prepare = vi.spyOn(other, 'prepare').mockReturnValue(new Promise(() => {}));
    await read(settings.promptIds);
    expect(await collect(generateByLookup(model, settings, other))).toEqual(wanted);
    expect(prepare).toHaveBeenCalled();
  });

  it('stops making drafts where they are wrong, with the same tokens', async () => {
    const { vocabSize: V } = model.architecture;
    const settings = settingsOf(promptOf(1, V), LONG);
    await read(settings.promptIds);
    const wanted = await collect(generateIds(model, settings));
    const { verifier } = lookup;
    const step = verifier!.step.bind(verifier);
    // What it is given is never what comes.
    const spy = vi
      .spyOn(verifier!, 'step')
      .mockImplementation(([last, ...draft]) => step([last!, ...draft.map((id) => (id + 1) % V)]));
    await read(settings.promptIds);
    const found = await collect(generateByLookup(model, settings, lookup));
    expect(found).toMatchObject({ ids: wanted.ids, accepted: 0 });
    expect(spy.mock.calls.length).toBeGreaterThan(0);
    expect(spy.mock.calls.length).toBeLessThanOrEqual(2);
  });
});

describe.skipIf(!hasAdapter)('the engine', { timeout: 120_000 }, () => {
  // Of two letters, an answer soon repeats itself.
  const logitBias = Object.fromEntries(asciiIds('ab').map((id) => [id, 100]));
  const request = { prompt: 'An apple is an apple.', maxTokens: LONG, logitBias };

  it('drafts single answers, says how many drafts were right, and can be told not to', async () => {
    const source = await packTinyModel();
    const engine = await LocalEngine.load(source, { gpu: { gpu: sharedGpu() } });
    const other = await LocalEngine.load(source, { gpu: { gpu: sharedGpu() }, speculation: 'off' });
    try {
      expect([engine.info.speculation, other.info.speculation]).toEqual(['lookup', undefined]);
      await engine.ensemble!.lookup!.prepare();
      const alone = await take(other, request);
      const drafted = await take(engine, request);
      expect(drafted.ids).toEqual(alone.ids);
      expect(drafted.text).toBe(alone.text);
      expect(alone.usage.acceptance).toBeUndefined();
      expect(drafted.usage.acceptance).toBeGreaterThan(0);
      expect(drafted.usage.acceptance).toBeLessThanOrEqual(1);
      // What is kept of it is what is kept of the other.
      const more = { ...request, prompt: drafted.text, maxTokens: 5 };
      expect((await take(engine, more)).ids).toEqual((await take(other, more)).ids);
      // Whoever stops takes part of a step.
      const stop = [alone.text.slice(40, 60)];
      expect((await take(engine, { ...request, stop })).text).toBe((await take(other, { ...request, stop })).text);
      for (const without of [{ logprobs: 1 }, { pattern: '[ab]{30,40}' }]) {
        expect((await take(engine, { ...request, ...without })).usage.acceptance).toBeUndefined();
      }
      const both = await Promise.all([take(engine, request), take(engine, request)]);
      for (const { ids } of both) expect(ids).toEqual(alone.ids);
    } finally {
      engine.dispose();
      other.dispose();
    }
  });

  it('goes on with drafts where the GPU was lost', async () => {
    const source = await packTinyModel();
    const engine = await LocalEngine.load(source, { gpu: { gpu: sharedGpu() }, tries: { pauses: [0, 0, 0], calm: 0 } });
    try {
      const whole = await take(engine, request);
      let lost = false;
      const found = await take(engine, request, (tokens) => {
        if (tokens > 40 && !lost) engine.ensemble!.model.gpu.device.destroy();
        lost ||= tokens > 40;
        return false;
      });
      expect(lost).toBe(true);
      expect(found.ids).toEqual(whole.ids);
    } finally {
      engine.dispose();
    }
  });

  it('drafts no family whose steps take one token only', async () => {
    const engine = await LocalEngine.load(await packQuickModel(), { gpu: { gpu: sharedGpu() } });
    expect(engine.info.speculation).toBeUndefined();
    const { usage } = await take(engine, { ...request, maxTokens: 40 });
    expect(usage.acceptance).toBeUndefined();
    engine.dispose();
    const wrong = { speculation: 'always' as never };
    await expect(LocalEngine.load(await packQuickModel(), wrong)).rejects.toMatchObject({ code: 'setting_invalid' });
  });
});
