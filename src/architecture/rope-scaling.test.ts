import { describe, expect, it, test } from 'vitest';
import { goldenArchitecture } from '../testing/models/fixtures.ts';
import type { Architecture } from './architecture.ts';
import { parseArchitecture, parseConfig } from './config.ts';
import { checkRopeScaling, type RopeScaling, scaleRope } from './rope-scaling.ts';

const CONFIG = {
  model_type: 'bamba',
  vocab_size: 384,
  hidden_size: 128,
  intermediate_size: 256,
  num_hidden_layers: 3,
  attn_layer_indices: [1],
  num_attention_heads: 4,
  num_key_value_heads: 2,
  mamba_n_heads: 4,
  mamba_d_head: 64,
  mamba_d_state: 128,
  max_position_embeddings: 4096,
};
const parse = (changes: object): Architecture =>
  parseConfig(new TextEncoder().encode(JSON.stringify({ ...CONFIG, ...changes }))).architecture;
const scale = (scaling: RopeScaling, architecture = parse({})) => scaleRope(architecture, scaling, 'tiny');
const divisors = Array.from({ length: 8 }, (_, pair) => 1 + pair / 2);
const invalid = (message: string | RegExp) =>
  expect.objectContaining({ code: 'setting_invalid', message: expect.stringMatching(message) as string });

describe('positions that are scaled at load', () => {
  // A config that gives the length before scaling has the length after it in max_position_embeddings.
  const after = { max_position_embeddings: 16_384 };
  test.each<[RopeScaling, object]>([
    [{ type: 'linear', factor: 4 }, { rope_parameters: { rope_type: 'linear', factor: 4 } }],
    [{ type: 'dynamic', factor: 2.5 }, { rope_scaling: { type: 'dynamic', factor: 2.5 } }],
    [
      { type: 'yarn', factor: 8, originalContextLength: 2048, betaFast: 16, betaSlow: 2, attentionFactor: 1.5 },
      {
        ...after,
        rope_scaling: {
          rope_type: 'yarn',
          factor: 8,
          original_max_position_embeddings: 2048,
          beta_fast: 16,
          beta_slow: 2,
          attention_factor: 1.5,
        },
      },
    ],
    [
      { type: 'longrope', factor: 4, longFactor: divisors, shortFactor: divisors.map(() => 1) },
      {
        ...after,
        rope_scaling: {
          rope_type: 'longrope',
          factor: 4,
          original_max_position_embeddings: 4096,
          long_factor: divisors,
          short_factor: divisors.map(() => 1),
        },
      },
    ],
  ])('are those of a config that has them: %j', (scaling, config) => {
    const expected = parse(config);
    expect(scale(scaling)).toEqual(expected);
    expect(expected.maxPositions).toBeGreaterThan(4096);
    // Whatever scaling the config had.
    const other = parse({ rope_scaling: { rope_type: 'linear', factor: 3 } });
    expect(scale(scaling, other)).toEqual(expected);
    // A package keeps what that takes.
    expect(scale(scaling, parseArchitecture(JSON.parse(JSON.stringify(other))))).toEqual(expected);
  });

  it('are those of a golden that Hugging Face transformers computed', () => {
    const golden = goldenArchitecture('gemma3');
    const { attention } = golden;
    const { base, positions, factor } = attention!.rope!.origin!;
    expect(attention!.rope!.origin!.type).toBe('linear');
    const inverseFrequencies = Array.from({ length: attention!.rope!.dims / 2 }, (_, pair) =>
      Math.fround(base ** ((-2 * pair) / attention!.rope!.dims)),
    );
    const plain = {
      ...golden,
      maxPositions: positions,
      attention: { ...attention!, rope: { dims: attention!.rope!.dims, inverseFrequencies, attentionFactor: 1 } },
    };
    expect(scaleRope(plain, { type: 'linear', factor }, 'gemma3')).toEqual(golden);
  });

  it('take a base that the frequencies alone do not tell', () => {
    const strange = parse({ rope_theta: 12_345.678 });
    const scaling = { type: 'linear', factor: 2 } as const;
    expect(scale(scaling, strange)).toEqual(parse({ rope_theta: 12_345.678, rope_scaling: { ...scaling } }));
    const { origin: _, ...rope } = strange.attention!.rope!;
    const old = { ...strange, attention: { ...strange.attention!, rope } };
    expect(() => scale(scaling, old)).toThrow(invalid(/does not say how positions were .* Convert the model again/));
  });

  test.each([500_000, 1e6, 1e7, 1e11, 150_000, 10_000])(
    'find the base %d of a package that does not name it',
    (base) => {
      const { rope } = parse({ rope_theta: base }).attention!;
      expect(rope!.origin).toBeUndefined();
      expect(scale({ type: 'yarn', factor: 2 }, parse({ rope_theta: base })).attention!.rope!.origin).toMatchObject({
        base,
      });
    },
  );
});

describe('a scaling that cannot be', () => {
  test.each<[unknown, RegExp]>([
    [null, /^ropeScaling has to be an object/],
    ['yarn', /^ropeScaling has to be an object/],
    [{ factor: 2 }, /^ropeScaling.type takes one of linear, dynamic, yarn, longrope; it is missing/],
    [{ type: 'llama3', factor: 2 }, /^ropeScaling.type takes one of .*; it is "llama3"/],
    [{ type: 'linear' }, /^ropeScaling.factor/],
    [{ type: 'linear', factor: 0.5 }, /^ropeScaling.factor has to be a finite number of at least 1; it is 0.5/],
    [{ type: 'linear', factor: '4' }, /^ropeScaling.factor/],
    [{ type: 'linear', factor: Infinity }, /^ropeScaling.factor/],
    [{ type: 'linear', factor: 4, betaFast: 3 }, /^ropeScaling.betaFast belongs to yarn/],
    [{ type: 'linear', factor: 4, original: 3 }, /^ropeScaling.original is no field of it. It takes: type, factor/],
    [
      { type: 'yarn', factor: 4, originalContextLength: 1.5 },
      /^ropeScaling.originalContextLength has to be an integer/,
    ],
    [{ type: 'longrope', factor: 4 }, /^ropeScaling.longFactor has to be a list of numbers; it is missing/],
  ])('is refused before a model is loaded: %j', (scaling, message) => {
    expect(() => checkRopeScaling(scaling as RopeScaling)).toThrow(invalid(message));
  });

  test.each<[RopeScaling, RegExp]>([
    [
      { type: 'longrope', factor: 2, longFactor: [1, 2] },
      /^ropeScaling.longFactor has to be a list of 8 numbers above 0/,
    ],
    [
      { type: 'longrope', factor: 2, longFactor: divisors, shortFactor: [1] },
      /^ropeScaling.shortFactor has to be a list of 8 numbers/,
    ],
    [{ type: 'yarn', factor: 2, attentionFactor: -1 }, /^ropeScaling.type gives frequencies that are not positive/],
  ])('is refused with the model: %j', (scaling, message) => {
    expect(() => scale(scaling)).toThrow(invalid(message));
  });

  it('is told of a model whose attention does not turn, or which has none', () => {
    const scaling = { type: 'yarn', factor: 4 } as const;
    expect(() => scaleRope(goldenArchitecture('jamba'), scaling, 'Jamba')).toThrow(
      invalid(/^ropeScaling cannot scale Jamba, whose attention does not turn .*NoPE.* Leave ropeScaling out/),
    );
    expect(() => scaleRope(goldenArchitecture('mamba2-tied'), scaling, 'Mamba')).toThrow(
      invalid(/cannot scale Mamba, whose blocks have no attention/),
    );
  });
});
