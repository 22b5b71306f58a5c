import { describe, expect, it } from 'vitest';
import { BambaError } from '../../errors.ts';
import type { SamplingValues } from '../../sampling.ts';
import {
  checkVocabulary,
  denseBias,
  MAX_VOCABULARY,
  packSampling,
  promptCounts,
  SAMPLING_BYTES,
} from './sampling-settings.ts';

const VALUES: SamplingValues = {
  temperature: 0.5,
  topK: 40,
  topP: 0.75,
  minP: 0.25,
  repetitionPenalty: 2,
  presencePenalty: 0.5,
  frequencyPenalty: -0.5,
  logitBias: new Map([[2, -1.5]]),
  seed: 0xdeadbeef,
};

describe('packSampling', () => {
  it('lays out what shaders/lib/sampling.wgsl declares', () => {
    const bytes = packSampling(VALUES, { limit: 100, stopIds: [7, 9] });
    const words = new Uint32Array(bytes);
    const floats = new Float32Array(bytes);
    expect(bytes.byteLength).toBe(SAMPLING_BYTES);
    expect(floats[0]).toBe(0.5);
    expect(words[1]).toBe(40);
    expect(words[2]).toBe(0xc0000000);
    expect(floats[3]).toBeCloseTo(Math.log(0.25), 6);
    expect([...floats.subarray(4, 7)]).toEqual([2, 0.5, -0.5]);
    expect([...words.subarray(7)]).toEqual([0xdeadbeef, 100, 3, 2, 7, 9, ...new Uint32Array(62)]);
  });

  it('marks what is off, and keeps extremes finite', () => {
    const neutral = { repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map() };
    const bytes = packSampling({ ...VALUES, ...neutral, topP: 1, minP: 0 }, { limit: 1, stopIds: [] });
    expect([...new Uint32Array(bytes).subarray(8, 11)]).toEqual([1, 0, 0]);
    expect(new Uint32Array(bytes)[2]).toBe(0);
    expect(new Float32Array(bytes)[3]).toBe(Math.fround(-3e38));
    const tiny = { temperature: 1e-300, topP: 1e-300, minP: 1e-300, repetitionPenalty: 1e-300, topK: 1e6 };
    const small = packSampling({ ...VALUES, ...tiny }, { limit: 1, stopIds: [] });
    expect(new Float32Array(small)[0]).toBeGreaterThan(0);
    expect(new Uint32Array(small)[1]).toBe(MAX_VOCABULARY);
    expect(new Uint32Array(small)[2]).toBe(1);
    expect(new Float32Array(small)[3]).toBeCloseTo(Math.log(1e-300), 3);
    expect(new Float32Array(small)[4]).toBeGreaterThan(0);
  });

  it.each([{ repetitionPenalty: 2 }, { presencePenalty: 1 }, { frequencyPenalty: 1 }])(
    'marks penalties where there is one alone: %o',
    (penalty) => {
      const none = { repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map() };
      const bytes = packSampling({ ...VALUES, ...none, ...penalty }, { limit: 1, stopIds: [] });
      expect(new Uint32Array(bytes)[9]).toBe(1);
    },
  );

  it('refuses what the sampler cannot do', () => {
    const tooMany = Array.from({ length: 65 }, (_, id) => id);
    expect(() => packSampling(VALUES, { limit: 1, stopIds: tooMany })).toThrow('There are 65 stop ids.');
    for (const limit of [0, -1, 1.5, NaN, Infinity]) {
      expect(() => packSampling(VALUES, { limit, stopIds: [] })).toThrow(BambaError);
    }
  });
});

describe('the buffers of a vocabulary', () => {
  it('are dense', () => {
    expect([...denseBias(new Map([[2, -1.5]]), 4)]).toEqual([0, 0, -1.5, 0]);
    expect([...promptCounts([1, 3, 1], 4)]).toEqual([0, 0x80000000, 0, 0x80000000]);
    expect([...promptCounts([1, 3], 4, [2, 3, 2])]).toEqual([0, 0x80000000, 2, 0x80000001]);
  });

  it('are bounded', () => {
    checkVocabulary(1);
    checkVocabulary(MAX_VOCABULARY);
    for (const size of [0, MAX_VOCABULARY + 1, 1.5, NaN]) expect(() => checkVocabulary(size)).toThrow(/262144/);
  });
});
