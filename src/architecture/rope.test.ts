import { describe, expect, it } from 'vitest';
import { ConfigReader } from './config-reader.ts';
import { readRope } from './rope.ts';

/** Half of a head of 128 turns, as in Bamba-9B. */
const bamba = { dims: 64, base: 10_000, trainedPositions: 4096, meaninglessPositions: 262_144 };
const read = (config: Record<string, unknown>, defaults = bamba) => readRope(new ConfigReader(config), defaults);
const plain = (i: number, dims = 64, base = 10_000) => base ** ((-2 * i) / dims);
const expectClose = (actual: number[], expected: number[]) => {
  expect(actual).toHaveLength(expected.length);
  // One rounding to f32.
  for (const [i, value] of expected.entries()) expect(Math.abs((actual[i] ?? NaN) / value - 1)).toBeLessThan(2 ** -24);
};
const pairs = (count: number, frequency: (i: number) => number) =>
  Array.from({ length: count }, (_, i) => frequency(i));

describe('readRope', () => {
  it('is plain by default, with frequencies rounded to f32', () => {
    const { rope, maxPositions } = read({});
    expect(rope.dims).toBe(64);
    expect(rope.attentionFactor).toBe(1);
    expectClose(rope.inverseFrequencies, pairs(32, plain));
    expect(rope.inverseFrequencies.map(Math.fround)).toEqual(rope.inverseFrequencies);
    expect(maxPositions).toBe(4096);
  });

  it('takes base and length from either spelling', () => {
    expect(read({ rope_theta: 500, max_position_embeddings: 77 })).toEqual(
      read({ rope_parameters: { rope_theta: 500, rope_type: 'default' }, max_position_embeddings: 77 }),
    );
    expect(read({ rope_theta: 500 }).rope.inverseFrequencies[1]).toBeCloseTo(plain(1, 64, 500), 6);
    expect(read({ rope_scaling: { type: 'linear', factor: 2 } })).toEqual(
      read({ rope_parameters: { rope_type: 'linear', factor: 2 } }),
    );
    expect(read({ rope_scaling: null, rope_theta: 10_000.0 })).toEqual(read({}));
  });

  it('does not believe the default length of the class, which no Bamba was trained on', () => {
    expect(read({ max_position_embeddings: 262_144 }).maxPositions).toBe(4096);
    expect(read({ max_position_embeddings: 32_768 }).maxPositions).toBe(32_768);
  });

  it('linear divides all frequencies and multiplies the length', () => {
    const { rope, maxPositions } = read({ rope_scaling: { rope_type: 'linear', factor: 4 } });
    expectClose(
      rope.inverseFrequencies,
      pairs(32, (i) => plain(i) / 4),
    );
    expect(maxPositions).toBe(16_384);
  });

  it('dynamic grows the base for the full reach', () => {
    const { rope, maxPositions } = read({ rope_scaling: { rope_type: 'dynamic', factor: 4 } });
    // L = 4 Lmax: base * (4*4 - 3)^(64/62)
    const base = 10_000 * 13 ** (64 / 62);
    expectClose(
      rope.inverseFrequencies,
      pairs(32, (i) => plain(i, 64, base)),
    );
    expect(maxPositions).toBe(16_384);
  });

  it('yarn keeps pairs up to 10, interpolates from 23, and scales by 1.1386, for Bamba at factor 4', () => {
    const { rope, maxPositions } = read({ rope_scaling: { rope_type: 'yarn', factor: 4 } });
    const ramp = (i: number) => Math.min(1, Math.max(0, (i - 10) / 13));
    expectClose(
      rope.inverseFrequencies,
      pairs(32, (i) => plain(i) * (1 - ramp(i) + ramp(i) / 4)),
    );
    expect(rope.attentionFactor).toBeCloseTo(1.1386, 4);
    expect(maxPositions).toBe(16_384);
  });

  it('yarn takes its factor from attention_factor, then from mscale and mscale_all_dim', () => {
    const factor = (options: Record<string, unknown>) =>
      read({ rope_scaling: { rope_type: 'yarn', factor: 40, ...options } }).rope.attentionFactor;
    expect(factor({ attention_factor: 1.5, mscale: 2, mscale_all_dim: 1 })).toBe(1.5);
    const mscale = (a: number) => 0.1 * a * Math.log(40) + 1;
    expect(factor({ mscale: 0.8, mscale_all_dim: 1 })).toBeCloseTo(mscale(0.8) / mscale(1), 12);
    expect(factor({ mscale: 0.8 })).toBeCloseTo(mscale(1), 12);
  });

  it('yarn rounds the ends of its ramp unless told not to', () => {
    const ends = { rope_type: 'yarn', factor: 4, truncate: false };
    const low = (64 * Math.log(4096 / (2 * Math.PI * 32))) / (2 * Math.log(10_000));
    const high = (64 * Math.log(4096 / (2 * Math.PI))) / (2 * Math.log(10_000));
    const ramp = (i: number) => Math.min(1, Math.max(0, (i - low) / (high - low)));
    const { rope } = read({ rope_scaling: ends });
    expectClose(
      rope.inverseFrequencies,
      pairs(32, (i) => plain(i) * (1 - ramp(i) + ramp(i) / 4)),
    );
  });

  it.each([
    [4, 1.0801],
    [8, 1.118],
  ])('longrope at factor %d divides by the long list and scales by %d', (factor, attentionFactor) => {
    const long = pairs(32, (i) => 1 + i / 10);
    const { rope, maxPositions } = read({
      max_position_embeddings: 4096 * factor,
      rope_scaling: {
        rope_type: 'longrope',
        factor,
        long_factor: long,
        short_factor: long.map(() => 1),
        original_max_position_embeddings: 4096,
      },
    });
    expectClose(
      rope.inverseFrequencies,
      pairs(32, (i) => plain(i) / (1 + i / 10)),
    );
    expect(rope.attentionFactor).toBeCloseTo(attentionFactor, 4);
    expect(maxPositions).toBe(4096 * factor);
  });

  it('longrope derives the factor from the two lengths, and takes a given one of the attention', () => {
    const options = {
      rope_type: 'longrope',
      long_factor: pairs(32, () => 2),
      short_factor: pairs(32, () => 1),
      original_max_position_embeddings: 4096,
    };
    const config = { max_position_embeddings: 32_768, rope_scaling: options };
    expect(read(config).rope.attentionFactor).toBeCloseTo(Math.sqrt(1 + Math.log(8) / Math.log(4096)), 12);
    const given = { ...config, rope_scaling: { ...options, attention_factor: 1.25 } };
    expect(read(given).rope.attentionFactor).toBe(1.25);
  });

  it('llama3 keeps short waves, divides long ones, and blends between', () => {
    const defaults = { dims: 128, base: 500_000, trainedPositions: 8192 };
    const { rope, maxPositions } = readRope(
      new ConfigReader({
        max_position_embeddings: 131_072,
        rope_theta: 500_000,
        rope_scaling: {
          rope_type: 'llama3',
          factor: 8,
          low_freq_factor: 1,
          high_freq_factor: 4,
          original_max_position_embeddings: 8192,
        },
      }),
      defaults,
    );
    const expected = pairs(64, (i) => {
      const theta = 500_000 ** ((-2 * i) / 128);
      const wavelength = (2 * Math.PI) / theta;
      if (wavelength < 2048) return theta;
      if (wavelength > 8192) return theta / 8;
      const smooth = (8192 / wavelength - 1) / 3;
      return ((1 - smooth) * theta) / 8 + smooth * theta;
    });
    expectClose(rope.inverseFrequencies, expected);
    // All three branches have to occur.
    const kept = expected.filter((value, i) => value === 500_000 ** ((-2 * i) / 128)).length;
    const divided = expected.filter((value, i) => value === 500_000 ** ((-2 * i) / 128) / 8).length;
    expect([kept > 10, divided > 10, kept + divided < 64]).toEqual([true, true, true]);
    expect(maxPositions).toBe(131_072);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['a factor that is missing', { rope_type: 'linear' }, 'rope_scaling.factor'],
    ['a factor of zero', { rope_type: 'yarn', factor: 0 }, 'rope_scaling.factor'],
    ['a factor in a string', { rope_type: 'yarn', factor: '4' }, 'rope_scaling.factor'],
    ['an infinite factor', { rope_type: 'dynamic', factor: Infinity }, 'rope_scaling.factor'],
    ['longrope without lists', { rope_type: 'longrope', factor: 4 }, 'rope_scaling.'],
    ['a list of another length', { rope_type: 'longrope', factor: 4, short_factor: [1], long_factor: [1] }, '_factor'],
    ['llama3 without the original length', { rope_type: 'llama3', factor: 8 }, 'original_max_position_embeddings'],
    ['a type that is a number', { rope_type: 3 }, 'rope_type'],
  ])('refuses %s', (_, options, field) => {
    expect(() => read({ rope_scaling: options })).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(field) as string }),
    );
  });

  it.each(['su', 'proportional', '__proto__', 'toString'])('names what is supported instead of %s', (type) => {
    expect(() => read({ rope_scaling: { rope_type: type, factor: 2 } })).toThrow(
      expect.objectContaining({ code: 'unsupported_model', message: expect.stringContaining('yarn') as string }),
    );
  });
});
