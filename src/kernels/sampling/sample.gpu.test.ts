import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BufferSet, readBuffer, readFloats, slice } from '../../gpu/buffers.ts';
import { Plan, STEP_BYTES } from '../../gpu/plan.ts';
import {
  type DrawSettings,
  keptTokens,
  pcg,
  randomWord,
  sample as sampleReference,
  weights,
} from '../../reference/sample.ts';
import { GREEDY, type SamplingValues } from '../../sampling.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { describeGpu, type TestGpu } from '../../testing/kernels/device.ts';
import { embed } from '../shared/embed.ts';
import { logitsProcess, partialsBytes } from './logits_process.ts';
import { OUTPUT_BYTES, OUTPUT_RING, OUTPUT_STATE, sample, sampleKernel } from './sample.ts';
import { denseBias, packSampling, promptCounts } from './sampling-settings.ts';

const SAMPLED: SamplingValues = { ...GREEDY, temperature: 1 };

/** Both dispatches over one set of buffers, run as often as asked. */
class Sampler {
  readonly #gpu: TestGpu;
  readonly #plan: Plan;
  readonly #vocabulary: number;
  readonly #buffers;

  private constructor(gpu: TestGpu, plan: Plan, vocabulary: number, buffers: ReturnType<typeof makeBuffers>) {
    this.#gpu = gpu;
    this.#plan = plan;
    this.#vocabulary = vocabulary;
    this.#buffers = buffers;
  }

  static async create(gpu: TestGpu, vocabulary: number): Promise<Sampler> {
    const buffers = makeBuffers(gpu, vocabulary);
    const { settings, counts, bias, logits, partials, ids, output, step } = buffers;
    const plan = await Plan.build(gpu.gpu.device, gpu.cache, step.buffer, [
      logitsProcess(gpu.features, 'test', { settings, counts, bias, mask: bias, logits, partials }, vocabulary),
      sample(gpu.features, 'test', { settings, logits, partials, counts, ids, output, step }, vocabulary),
    ]);
    return new Sampler(gpu, plan, vocabulary, buffers);
  }

  /** Begins an answer. */
  begin(
    values: SamplingValues,
    { limit = 2 ** 31, stopIds = [] as number[], prompt = [] as number[], position = 0, tokens = 1, emitted = 0 } = {},
  ): void {
    const { settings, counts, bias, output, step } = this.#buffers;
    const { queue } = this.#gpu.gpu.device;
    queue.writeBuffer(settings.buffer, 0, packSampling(values, { limit, stopIds }));
    queue.writeBuffer(counts.buffer, 0, promptCounts(prompt, this.#vocabulary));
    queue.writeBuffer(bias.buffer, 0, denseBias(values.logitBias, this.#vocabulary));
    queue.writeBuffer(output.buffer, 0, new Uint32Array(OUTPUT_BYTES / 4));
    queue.writeBuffer(step.buffer, 0, Uint32Array.of(position, tokens, 0, emitted));
  }

  /** Submits a pass with these logits, or with those that are there. */
  pass(logits?: Float32Array<ArrayBuffer>): void {
    const { device } = this.#gpu.gpu;
    if (logits) device.queue.writeBuffer(this.#buffers.logits.buffer, 0, logits);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.#plan.record(pass, 1);
    pass.end();
    device.queue.submit([encoder.finish()]);
  }

  async state() {
    const read = async (name: 'ids' | 'counts' | 'output' | 'step') =>
      new Uint32Array(await readBuffer(this.#gpu.gpu.device, this.#buffers[name]));
    const [ids, counts, output, step] = [
      await read('ids'),
      await read('counts'),
      await read('output'),
      await read('step'),
    ];
    return {
      id: ids[0]!,
      nextIds: [...ids.subarray(1)],
      counts: [...counts.subarray(0, this.#vocabulary)],
      emitted: output[0]!,
      state: output[1]!,
      ring: [...output.subarray(2, 2 + OUTPUT_RING)],
      step: { position: step[0], tokens: step[1], halted: step[2], emitted: step[3] },
    };
  }

  /** The token of a fresh answer for each u * 2^32, over the same logits. */
  async draws(logits: Float32Array<ArrayBuffer>, values: SamplingValues, words: readonly number[]): Promise<number[]> {
    const { device } = this.#gpu.gpu;
    const results = this.#gpu.input(new Uint32Array(words.length));
    for (const [index, word] of words.entries()) {
      this.begin({ ...values, seed: seedFor(word, 0) });
      this.pass(logits);
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(this.#buffers.ids.buffer, 0, results.buffer, 4 * index, 4);
      device.queue.submit([encoder.finish()]);
    }
    return [...new Uint32Array(await readBuffer(device, results)).subarray(0, words.length)];
  }
}

function makeBuffers(gpu: TestGpu, vocabulary: number) {
  return {
    settings: gpu.input(new Uint8Array(packSampling(GREEDY, { limit: 1, stopIds: [] }))),
    counts: gpu.input(new Uint32Array(vocabulary)),
    bias: gpu.input(new Float32Array(vocabulary)),
    logits: gpu.input(new Float32Array(vocabulary)),
    partials: gpu.input(new Uint8Array(partialsBytes(vocabulary))),
    ids: gpu.input(Uint32Array.of(0, 91, 92, 93)),
    output: gpu.input(new Uint8Array(OUTPUT_BYTES)),
    // As the engine's: other kernels of a plan have it as a uniform. The device frees it at its end.
    step: slice(new BufferSet(gpu.gpu.device, 'test').storage('step', STEP_BYTES, GPUBufferUsage.UNIFORM)),
  };
}

/** The seed whose random word at a place is `word`: the generator is a bijection, run backwards here. */
function seedFor(word: number, place: number): number {
  const inverse = (odd: number) => {
    let result = odd; // right in 3 bits; each step of Newton's doubles them
    for (let i = 0; i < 5; i++) result = Math.imul(result, 2 - Math.imul(odd, result));
    return result;
  };
  const mixed = (word ^ (word >>> 22)) >>> 0;
  const shifted = Math.imul(mixed, inverse(277_803_737)) >>> 0;
  let state = shifted; // its high bits are right; each step gets 4 or more of the next
  for (let i = 0; i < 8; i++) state = (shifted ^ (state >>> ((shifted >>> 28) + 4))) >>> 0;
  const before = Math.imul(state - 2_891_336_453, inverse(747_796_405)) >>> 0;
  return (before - pcg(place)) >>> 0;
}

const TOLERANCE = 1e-5; // of u: the accuracy of exp in WGSL, 3 + 2|x| ulp

/** Where each kept token's share of [0, 1) begins and ends. */
function shares(logits: Float32Array, settings: DrawSettings): { token: number; begin: number; end: number }[] {
  const kept = keptTokens(logits, settings);
  const weight = weights(logits, settings.temperature).map((value, token) => (kept[token] ? value : 0));
  const total = weight.reduce((sum, value) => sum + value, 0);
  let sum = 0;
  return [...weight.entries()].flatMap(([token, value]) => {
    const begin = sum / total;
    sum += value;
    return kept[token] ? [{ token, begin, end: sum / total }] : [];
  });
}

/** The settings, and those where a filter at its very edge falls the other way. */
function withEdges(settings: DrawSettings): DrawSettings[] {
  const topPs = settings.topP < 1 ? [settings.topP, settings.topP * (1 - 1e-6), settings.topP * (1 + 1e-6)] : [1];
  const minPs = settings.minP > 0 ? [settings.minP, settings.minP * (1 - 1e-5), settings.minP * (1 + 1e-5)] : [0];
  return topPs.flatMap((topP) =>
    minPs.map((minP) => ({ ...settings, topP: Math.min(topP, 1), minP: Math.min(minP, 1) })),
  );
}

/** Fails unless each draw is the token whose share of [0, 1), by the reference, holds u. */
function expectDraws(logits: Float32Array, settings: DrawSettings, words: readonly number[], drawn: readonly number[]) {
  const variants = withEdges(settings).map(
    (variant) => new Map(shares(logits, variant).map((share) => [share.token, share])),
  );
  for (const [index, token] of drawn.entries()) {
    const u = words[index]! / 2 ** 32;
    const holds = variants.some((byToken) => {
      const share = byToken.get(token);
      return share !== undefined && u >= share.begin - TOLERANCE && u < share.end + TOLERANCE;
    });
    if (!holds) {
      const share = variants[0]!.get(token);
      const size = variants[0]!.size;
      throw new Error(`At u = ${u} came token ${token}, whose share is ${JSON.stringify(share)} of ${size} kept.`);
    }
  }
}

/** Words that tell a kept set from others: both ends, and the middle of some shares, the smallest among them. */
function probes(logits: Float32Array, settings: DrawSettings): number[] {
  const all = shares(logits, settings);
  const bySize = all.toSorted((a, b) => a.end - a.begin - (b.end - b.begin));
  const chosen = [...bySize.slice(0, 3), ...bySize.slice(-3), ...all.slice(0, 2), ...all.slice(-2)];
  return [
    0,
    0xffffffff,
    ...chosen.map(({ begin, end }) => Math.min(0xffffffff, Math.floor(((begin + end) / 2) * 2 ** 32))),
  ];
}

const LOGITS: Record<string, (seed: number, size: number) => Float32Array<ArrayBuffer>> = {
  spread: (seed, size) => randomTensor(seed, size, 4),
  flat: (seed, size) => randomTensor(seed, size, 0.01),
  tied: (seed, size) => randomTensor(seed, size, 2).map(Math.round),
  equal: (seed, size) => new Float32Array(size).fill(randomTensor(seed, 1, 20)[0]!),
  'huge and tiny': (seed, size) => randomTensor(seed, size).map((value, i) => value * 10 ** ((i % 7) * 12 - 36)),
  lowest: (seed, size) => randomTensor(seed, size).map((value) => (value < 0 ? -3e38 : value)),
  holes: (seed, size) =>
    randomTensor(seed, size, 3).map((value, i) => (i % 5 === 1 ? -Infinity : i % 7 === 2 ? NaN : value)),
};

describeGpu(sampleKernel, (gpu) => {
  it('keeps and draws as the reference does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(sizes({ tile: 1024, most: 2049 }), fc.integer({ min: 1, max: 3000 })),
        seeds(),
        fc.constantFrom(...Object.keys(LOGITS)),
        fc.constantFrom(1, 0.7, 1e-9, 0.05, 3, 100),
        fc.constantFrom(0, 1, 2, 5, 50, 1000, 1_000_000),
        fc.constantFrom(1, 1e-9, 0.1, 0.5, 0.9, 0.999),
        fc.constantFrom(0, 0.05, 0.5, 1),
        async (size, seed, kind, temperature, topK, topP, minP) => {
          const logits = LOGITS[kind]!(seed, size);
          const values = { ...SAMPLED, temperature, topK, topP, minP };
          const sampler = await Sampler.create(gpu(), size);
          const words = [...probes(logits, values), randomWord(seed, 0)];
          expectDraws(logits, values, words, await sampler.draws(logits, values, words));
          gpu().release();
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each([
    { topK: 50 },
    { topK: 1000, topP: 0.95, minP: 0.01, temperature: 0.8 },
    { temperature: 1.5 },
    { topK: 300, temperature: 100 }, // more than there are chunks of the vocabulary
  ])('keeps and draws over 128,256 tokens with %j', async (filters) => {
    const logits = randomTensor(5, 128_256, 3);
    const values = { ...SAMPLED, ...filters };
    const sampler = await Sampler.create(gpu(), logits.length);
    const words = probes(logits, values).slice(0, 5);
    expectDraws(logits, values, words, await sampler.draws(logits, values, words));
  });

  it('takes the largest vocabulary, all of it equally likely', async () => {
    const size = 262_144;
    const sampler = await Sampler.create(gpu(), size);
    const words = [0, 1, 0x80000000, 0xdeadbeef, 0xffffffff];
    const drawn = await sampler.draws(new Float32Array(size).fill(9), SAMPLED, words);
    expect(drawn).toEqual(words.map((word) => Math.floor((word / 2 ** 32) * size)));
    const half = await sampler.draws(new Float32Array(size).fill(9), { ...SAMPLED, topP: 0.5 }, words);
    expect(half).toEqual(words.map((word) => Math.floor(((word / 2 ** 32) * size) / 2)));
  });

  it('keeps ties at the k-th, and of equal tokens the lowest in top-p', async () => {
    const logits = Float32Array.of(1, 2, 1, 0, 1, 0);
    const sampler = await Sampler.create(gpu(), 6);
    const words = Array.from({ length: 16 }, (_, i) => i * 2 ** 28);
    const kept = async (filters: Partial<SamplingValues>) =>
      new Set(await sampler.draws(logits, { ...SAMPLED, temperature: 4, ...filters }, words));
    expect(await kept({ topK: 2 })).toEqual(new Set([0, 1, 2, 4]));
    // Weights 1, then three times e^(-1/4) = 0.779: 1.779 and 2.558 of 3.336.
    expect(await kept({ topK: 2, topP: 0.5 })).toEqual(new Set([0, 1]));
    expect(await kept({ topK: 2, topP: 0.6 })).toEqual(new Set([0, 1, 2]));
    expect(await kept({ minP: 0.8 })).toEqual(new Set([1]));
  });

  it('keeps the right ones of equal tokens between likelier ones', async () => {
    // Every fourth token is likelier. Of the 768 equal ones 301 are kept: one of three in the share of invocation 100.
    const logits = Float32Array.from({ length: 1024 }, (_, token) => (token % 4 === 3 ? 1 : 0));
    const values = { ...SAMPLED, topP: (256 * Math.E + 300.5) / (256 * Math.E + 768) };
    const all = shares(logits, values);
    expect(all.length).toBe(256 + 301);
    const near = all.filter(({ token }) => token >= 396 && token < 412);
    expect(near.map(({ token }) => token)).toEqual([396, 397, 398, 399, 400, 403, 407, 411]);
    const words = near.map(({ begin, end }) => Math.floor(((begin + end) / 2) * 2 ** 32));
    const sampler = await Sampler.create(gpu(), 1024);
    expect(await sampler.draws(logits, values, words)).toEqual(near.map(({ token }) => token));
  });

  it('draws with the right frequencies, token after token', { timeout: 300_000 }, async () => {
    const chances = [0.3, 0.05, 0, 0.4, 0.15, 0.1];
    const logits = Float32Array.from(chances, Math.log);
    const values = { ...SAMPLED, seed: 20 };
    const sampler = await Sampler.create(gpu(), chances.length);
    const total = 700;
    sampler.begin(values, { position: 30, tokens: 7 });
    const answer: number[] = [];
    sampler.pass(logits);
    for (let emitted = 1; emitted <= total; emitted++) {
      if (emitted % OUTPUT_RING === 0 || emitted === total) {
        const { ring, emitted: written } = await sampler.state();
        expect(written).toBe(emitted);
        while (answer.length < emitted) answer.push(ring[answer.length % OUTPUT_RING]!);
      }
      if (emitted < total) sampler.pass();
    }
    for (const [place, token] of answer.entries()) {
      expectDraws(logits, values, [randomWord(values.seed, place)], [token]);
    }
    const { counts, step, state, nextIds } = await sampler.state();
    expect(counts).toEqual(chances.map((_, token) => answer.filter((one) => one === token).length));
    expect(step).toEqual({ position: 30 + 7 + total - 1, tokens: 1, halted: 0, emitted: total });
    expect(state).toBe(OUTPUT_STATE.goingOn);
    expect(nextIds).toEqual([91, 92, 93]);
    const chiSquare = chances.reduce(
      (sum, chance, token) => (chance === 0 ? sum : sum + (counts[token]! - total * chance) ** 2 / (total * chance)),
      0,
    );
    expect(counts[2]).toBe(0);
    expect(chiSquare).toBeLessThan(18.5); // 4 degrees of freedom, one in a thousand
  });

  it('is greedy at temperature 0: the first of the largest, also far apart', async () => {
    const logits = randomTensor(3, 3000, 2);
    for (const token of [2999, 2500, 1024, 1023]) logits[token] = 20;
    logits[100] = NaN;
    const sampler = await Sampler.create(gpu(), 3000);
    sampler.begin({ ...GREEDY, topK: 5, topP: 0.5, minP: 0.5 });
    sampler.pass(logits);
    expect((await sampler.state()).id).toBe(1023);
  });

  it('penalizes what the prompt and the answer have', async () => {
    const sampler = await Sampler.create(gpu(), 4);
    const logits = Float32Array.of(5, 4, 3, 2);
    // Token 0 is in the prompt: 5 / 2. Token 1 comes, then 4 / 2 - 1; then token 2, then 3 / 2 - 1; then 0 (2.5).
    sampler.begin({ ...GREEDY, repetitionPenalty: 2, presencePenalty: 1 }, { prompt: [0] });
    for (let i = 0; i < 3; i++) sampler.pass(logits);
    const { ring, counts } = await sampler.state();
    expect(ring.slice(0, 3)).toEqual([1, 2, 0]);
    expect(counts).toEqual([0x80000001, 1, 1, 0]);
    sampler.begin({ ...GREEDY, logitBias: new Map([[3, 3.5]]) });
    sampler.pass(logits);
    expect((await sampler.state()).id).toBe(3);
  });

  it('ends at a stop id, and then changes nothing', async () => {
    const sampler = await Sampler.create(gpu(), 300);
    const stopIds = Array.from({ length: 64 }, (_, i) => 100 + i);
    sampler.begin(GREEDY, { stopIds, position: 5, tokens: 3 });
    const peak = (token: number) => new Float32Array(300).fill(-1).fill(1, token, token + 1);
    sampler.pass(peak(7));
    sampler.pass(peak(164));
    sampler.pass(peak(163));
    const ended = await sampler.state();
    expect(ended.state).toBe(OUTPUT_STATE.ended);
    expect(ended.emitted).toBe(3);
    expect(ended.ring.slice(0, 4)).toEqual([7, 164, 163, 0]);
    expect(ended.step).toEqual({ position: 10, tokens: 1, halted: 1, emitted: 3 });
    sampler.pass(peak(9));
    sampler.pass(peak(100));
    expect(await sampler.state()).toEqual(ended);
  });

  it('ends at the limit', async () => {
    const sampler = await Sampler.create(gpu(), 5);
    sampler.begin(GREEDY, { limit: 2 });
    sampler.pass(Float32Array.of(0, 0, 1, 0, 0));
    expect((await sampler.state()).state).toBe(OUTPUT_STATE.goingOn);
    for (let i = 0; i < 3; i++) sampler.pass();
    const { emitted, state, counts } = await sampler.state();
    expect({ emitted, state, counts }).toEqual({ emitted: 2, state: OUTPUT_STATE.ended, counts: [0, 0, 2, 0, 0] });
  });

  it.each([GREEDY, { ...SAMPLED, topK: 3, topP: 0.9 }])('says when no logit is a number: %j', async (values) => {
    const sampler = await Sampler.create(gpu(), 1500);
    sampler.begin(values, { position: 4 });
    const logits = new Float32Array(1500).fill(NaN);
    logits[1100] = -Infinity;
    sampler.pass(logits);
    const failed = await sampler.state();
    expect(failed).toMatchObject({ emitted: 0, state: OUTPUT_STATE.noNumber, step: { position: 4, halted: 1 } });
    expect(failed.counts.every((count) => count === 0)).toBe(true);
    sampler.pass(new Float32Array(1500));
    expect(await sampler.state()).toEqual(failed);
  });

  it('takes an infinite logit as the largest', async () => {
    const logits = Float32Array.of(0, 3e38, Infinity, NaN, Infinity, -Infinity);
    const sampler = await Sampler.create(gpu(), 6);
    expect(await sampler.draws(logits, SAMPLED, [0, 2 ** 31 - 1, 2 ** 31, 0xffffffff])).toEqual([2, 2, 4, 4]);
  });

  it('hands its token to the next pass of the same submission', async () => {
    const { device } = gpu().gpu;
    const { settings, counts, bias, logits, partials, ids, output, step } = makeBuffers(gpu(), 3);
    const x = gpu().output(8);
    // Row v of the table is (v + 1) * 1.
    const table = gpu().matrix(
      'f32',
      Float32Array.from({ length: 24 }, (_, i) => Math.floor(i / 8) + 1),
      8,
    );
    const plan = await Plan.build(device, gpu().cache, step.buffer, [
      ...embed(gpu().features, 'test', { ids, weights: table, x }),
      logitsProcess(gpu().features, 'test', { settings, counts, bias, mask: bias, logits, partials }, 3),
      sample(gpu().features, 'test', { settings, logits, partials, counts, ids, output, step }, 3),
    ]);
    device.queue.writeBuffer(step.buffer, 0, Uint32Array.of(0, 1, 0, 0));
    device.queue.writeBuffer(settings.buffer, 0, packSampling(GREEDY, { limit: 9, stopIds: [] }));
    device.queue.writeBuffer(logits.buffer, 0, Float32Array.of(1, 2, 3));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    plan.record(pass, 1);
    plan.record(pass, 1);
    pass.end();
    device.queue.submit([encoder.finish()]);
    expect([...(await readFloats(device, x)).subarray(0, 8)]).toEqual([3, 3, 3, 3, 3, 3, 3, 3]);
    expect(new Uint32Array(await readBuffer(device, step)).subarray(0, 4)).toEqual(Uint32Array.of(2, 1, 0, 2));
    plan.dispose();
  });

  it('has the random words of the reference at every place', async () => {
    const sampler = await Sampler.create(gpu(), 4096);
    const logits = new Float32Array(4096);
    for (const [seed, emitted] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [0xffffffff, 0xfffffffe],
      [123_456_789, 1000],
    ] as const) {
      expect(randomWord(seedFor(0xabcdef12, emitted), emitted)).toBe(0xabcdef12);
      sampler.begin({ ...SAMPLED, seed }, { emitted });
      sampler.pass(logits);
      expect((await sampler.state()).id).toBe(randomWord(seed, emitted) >>> 20);
      expect(sampleReference(logits, { ...SAMPLED, seed }, emitted)).toBe(randomWord(seed, emitted) >>> 20);
    }
  });
});
