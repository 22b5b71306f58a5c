import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readBuffer } from '../../gpu/buffers.ts';
import { argmax, type LogitsSettings, processLogits } from '../../reference/sample.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { HALF_ULP } from '../../testing/kernels/bounds.ts';
import { describeGpu, type TestGpu } from '../../testing/kernels/device.ts';
import { logitsProcess, logitsProcessKernel, partialsBytes } from './logits_process.ts';
import { denseBias, packSampling } from './sampling-settings.ts';

const NEUTRAL = { repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map<number, number>() };
const CHUNK = 1024;

/** The processed logits, and the token of each chunk's largest. */
async function run(gpu: TestGpu, logits: Float32Array, counts: Uint32Array, settings: LogitsSettings) {
  const vocabulary = logits.length;
  const values = { ...settings, temperature: 0, topK: 0, topP: 1, minP: 0, seed: 0 };
  const out = gpu.output(logits);
  const partials = gpu.input(new Uint8Array(partialsBytes(vocabulary)));
  const buffers = {
    settings: gpu.input(
      new Uint8Array(packSampling(values, { limit: 1, stopIds: [], masked: settings.mask !== undefined })),
    ),
    counts: gpu.input(counts),
    bias: gpu.input(denseBias(settings.logitBias, vocabulary)),
    mask: gpu.input(settings.mask ?? new Uint32Array(1)),
    logits: out,
    partials,
  };
  await gpu.run(logitsProcess(gpu.features, 'test', buffers, vocabulary), { tokens: 1 });
  const pairs = new Uint32Array(await readBuffer(gpu.gpu.device, partials));
  const best = Array.from({ length: Math.ceil(vocabulary / CHUNK) }, (_, chunk) =>
    pairs[2 * chunk] === 0 ? -1 : pairs[2 * chunk + 1]!,
  );
  return { processed: await gpu.read(out), best };
}

/** The token of each chunk's largest logit; -1 where no logit is a number. */
function bestOfChunks(logits: Float32Array): number[] {
  return Array.from({ length: Math.ceil(logits.length / CHUNK) }, (_, chunk) => {
    const best = argmax(logits.subarray(chunk * CHUNK, (chunk + 1) * CHUNK));
    return best < 0 ? -1 : chunk * CHUNK + best;
  });
}

/** Sparse counts: most tokens unseen, the others in the prompt, in the answer, or both. */
function someCounts(seed: number, size: number): Uint32Array {
  return Uint32Array.from(randomTensor(seed, size), (value) => {
    if (Math.abs(value) < 1) return 0;
    return value < 0 ? Math.floor(-2 * value) : 0x80000000 + Math.floor(value - 1);
  });
}

describeGpu(logitsProcessKernel, (gpu) => {
  it('is the reference, and leaves the largest of each chunk', async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes({ tile: CHUNK, most: 3000 }),
        seeds(),
        fc.constantFrom(1, 0.3, 1.1, 3),
        fc.constantFrom(0, 0.5, -2),
        fc.constantFrom(0, 0.25, -0.5),
        fc.boolean(),
        async (size, seed, repetitionPenalty, presencePenalty, frequencyPenalty, biased) => {
          const logits = randomTensor(seed, size, 10);
          const counts = someCounts(seed + 1, size);
          const logitBias = new Map(biased ? [[seed % size, -100] as const, [0, 2.5] as const] : []);
          const settings = { repetitionPenalty, presencePenalty, frequencyPenalty, logitBias };
          const { processed, best } = await run(gpu(), logits, counts, settings);
          const expected = processLogits(logits, counts, settings);
          for (const [token, value] of processed.entries()) {
            const untouched = counts[token] === 0 && !logitBias.has(token);
            // Roundings of the quotient (2.5 ulp), of the settings, and of each of three sums, of what they add up.
            const bias = Math.abs(logitBias.get(token) ?? 0);
            const magnitude = 4 * Math.abs(logits[token]!) + 2 + 0.5 * (counts[token]! % 64) + bias;
            const bound = untouched ? 0 : 8 * HALF_ULP * magnitude;
            if (!(Math.abs(value - expected[token]!) <= bound)) {
              throw new Error(`Token ${token} of ${logits.length}: ${value} instead of ${expected[token]}.`);
            }
          }
          expect(best).toEqual(bestOfChunks(processed));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('writes nothing when everything is neutral', async () => {
    const logits = Float32Array.from([NaN, 3, -Infinity, 3, 1e-45, -0, Infinity, 3e38]);
    const counts = new Uint32Array(8).fill(0x80000003);
    const { processed, best } = await run(gpu(), logits, counts, NEUTRAL);
    expect([...processed]).toEqual([...logits]);
    expect(best).toEqual([6]);
  });

  it('takes the lowest of equal logits, also where they are far apart', async () => {
    const logits = new Float32Array(5000).fill(-7);
    for (const token of [4999, 4100, 3333, 2048, 1023, 700, 699]) logits[token] = 2;
    const { best } = await run(gpu(), logits, new Uint32Array(5000), NEUTRAL);
    expect(best).toEqual([699, 1024, 2048, 3333, 4100]);
    const zeros = Float32Array.from([-1, -0, 0]);
    expect((await run(gpu(), zeros, new Uint32Array(3), NEUTRAL)).best).toEqual([1]);
  });

  it('passes over NaN and -infinity, and finds none where there is nothing else', async () => {
    const logits = new Float32Array(2500).fill(NaN);
    logits[1500] = -3e38;
    logits[1501] = -Infinity;
    expect((await run(gpu(), logits, new Uint32Array(2500), NEUTRAL)).best).toEqual([-1, 1500, -1]);
  });

  it('lets nothing come that the mask has no bit for, whatever its logit is', async () => {
    // Around the words of the mask and the chunks; the last word goes on beyond the vocabulary.
    for (const size of [1, 31, 33, 1025, 2500]) {
      const logits = randomTensor(size, size, 10);
      logits[0] = Infinity;
      logits[size - 1] = NaN;
      const mask = Uint32Array.from(randomTensor(size + 1, Math.ceil(size / 32)), (value) => Math.abs(value) * 2 ** 30);
      const counts = someCounts(size + 2, size);
      const settings = { ...NEUTRAL, logitBias: new Map([[size >> 1, 5]]), mask };
      const { processed, best } = await run(gpu(), logits, counts, settings);
      expect([...processed]).toEqual([...Float32Array.from(processLogits(logits, counts, settings))]);
      expect(best).toEqual(bestOfChunks(processed));
    }
    const closed = await run(gpu(), Float32Array.of(1, 2), new Uint32Array(2), {
      ...NEUTRAL,
      mask: new Uint32Array(1),
    });
    expect(closed.best).toEqual([-1]);
  });

  it('leaves NaN and infinities as they are, and stays finite at the ends of the range', async () => {
    const logits = Float32Array.from([NaN, Infinity, -Infinity, 3e38, -3e38, 0]);
    const counts = new Uint32Array(6).fill(1);
    for (const repetitionPenalty of [1e-9, 100]) {
      const settings = { ...NEUTRAL, repetitionPenalty, logitBias: new Map([[2, 100]]) };
      const { processed } = await run(gpu(), logits, counts, settings);
      expect([...processed.subarray(0, 3)]).toEqual([NaN, Infinity, -Infinity]);
      expect(processed[3]).toBeGreaterThan(1e27);
      expect(processed[4]).toBeLessThan(-1e23);
      expect([...processed.subarray(3)].every(Number.isFinite)).toBe(true);
      expect(processed[5]).toBe(0);
    }
  });

  it('refuses a vocabulary that the sampler cannot sum', async () => {
    const buffer = gpu().input(new Uint8Array(16));
    const buffers = { settings: buffer, counts: buffer, bias: buffer, mask: buffer, logits: buffer, partials: buffer };
    for (const vocabulary of [0, 262_145]) {
      expect(() => logitsProcess(gpu().features, 'test', buffers, vocabulary)).toThrow(/takes 1 to 262144/);
    }
  });
});
