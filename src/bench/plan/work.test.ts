import { describe, expect, it } from 'vitest';
import type { Architecture } from '../../architecture/architecture.ts';
import { packageTensors, parseArchitecture, parseConfig } from '../../architecture/config.ts';
import { checkArchitecture } from '../../model/dims.ts';
import { dryRun } from '../../model/cost/dry-run.ts';
import { decodeWork, parameterCount, prefillWork } from '../../model/cost/work.ts';
import { FAMILY_CONFIGS } from '../../testing/checkpoints/family-configs.ts';
import { planTensors } from '../../weights/package-writer.ts';
import { SHAPES } from '../shapes.ts';
import { workOf } from '../traffic.ts';

const names = Object.keys(SHAPES) as (keyof typeof SHAPES)[];
const shape = (name: keyof typeof SHAPES): Architecture => SHAPES[name];
const tensorsOf = (architecture: Architecture) => planTensors(packageTensors(architecture), 'int8');
const parameters = (name: keyof typeof SHAPES) => parameterCount(packageTensors(shape(name)));
const flopsOf = (name: keyof typeof SHAPES, tokens: number) => {
  const settings = { tokens, chunkTokens: 256, cacheType: 'f32' } as const;
  return prefillWork(shape(name), tensorsOf(shape(name)), settings).flops;
};

describe('shapes', () => {
  it.each(names)('%s is a model that could be', (name) => {
    expect(() => parseArchitecture(shape(name))).not.toThrow();
    expect(() => checkArchitecture(shape(name))).not.toThrow();
  });

  it.each([
    ['lexicon', 34_914_536],
    ['granite-h-350m', 0.34e9],
    ['granite-h-1b', 1.462e9],
    ['granite-h-tiny', 6.939e9],
    ['bamba-9b', 9.78e9],
    ['llama-3.1-8b', 8.03e9],
  ] as const)('%s has the %d parameters of the model that it is named after', (name, expected) => {
    expect(parameters(name) / expected).toBeGreaterThan(0.999);
    expect(parameters(name) / expected).toBeLessThan(1.001);
  });
});

describe('decodeWork', () => {
  const of = (name: keyof typeof SHAPES, position: number, batch = 1) =>
    decodeWork(shape(name), tensorsOf(shape(name)), { position, cacheType: 'f32', batch });

  it('counts all weights of Bamba-9B but the embedding, one byte each and a scale a row', () => {
    const looked = parameters('bamba-9b') - 128_256 * 4096;
    expect(of('bamba-9b', 0).weights / looked).toBeGreaterThan(1);
    expect(of('bamba-9b', 0).weights / looked).toBeLessThan(1.002);
  });

  it('counts of experts those that a token goes to', () => {
    const expert = 3 * 512 * 1536;
    const active = parameters('granite-h-tiny') - 40 * (64 - 6) * expert;
    expect(active).toBeGreaterThan(1e9);
    // One byte each, but four of a router's, and a scale a row.
    expect(of('granite-h-tiny', 0).weights / active).toBeGreaterThan(1);
    expect(of('granite-h-tiny', 0).weights / active).toBeLessThan(1.02);
    const flops = flopsOf('granite-h-tiny', 1000) - flopsOf('granite-h-tiny', 0);
    expect(flops / (2 * 1000 * active)).toBeGreaterThan(0.8);
    expect(flops / (2 * 1000 * active)).toBeLessThan(1.3);
  });

  it('counts an embedding that is the head too', () => {
    expect(of('lexicon', 0).weights).toBeGreaterThan(parameters('lexicon'));
  });

  it('counts keys and values of all tokens so far, and states that do not grow', () => {
    const blocks = 29;
    expect(of('bamba-9b', 0).state).toBe(blocks * 4 * (128 * 64 * 128 + 4 * (8192 + 256)));
    expect(of('bamba-9b', 1000).state).toBe(of('bamba-9b', 0).state);
    expect(of('bamba-9b', 1000).keysAndValues).toBe(3 * 2 * 1000 * 8 * 128 * 4);
    expect(of('llama-3.1-8b', 0).state).toBe(0);
  });

  it('reads weights once for a batch, and of experts as many as its tokens go to', () => {
    const [one, many] = [of('bamba-9b', 1000), of('bamba-9b', 1000, 64)];
    const row = 4096 + 4;
    expect(many.weights - one.weights).toBe(63 * row);
    expect(many.state).toBe(64 * one.state);
    expect(many.keysAndValues).toBe(64 * one.keysAndValues);
    expect(many.flops).toBe(64 * one.flops);
    const experts = 40 * 64 * 3 * 512 * 1536;
    const added = of('granite-h-tiny', 0, 64).weights - of('granite-h-tiny', 0).weights;
    expect(added / (experts * (1 - 6 / 64))).toBeGreaterThan(1);
    expect(added / (experts * (1 - 6 / 64))).toBeLessThan(1.01);
  });

  // Two ways to count: from the tensors, and kernel by kernel from what a token dispatches. The latter has no states but
  // those of Mamba-2, which in models of a few channels are a share of it.
  const models = [
    ...names.map((name): [string, Architecture] => [name, shape(name)]),
    ...Object.entries(FAMILY_CONFIGS).map(([name, config]): [string, Architecture] => {
      return [name, parseConfig(new TextEncoder().encode(JSON.stringify(config))).architecture];
    }),
  ];
  it.each(models)('counts as many operations of %s as its kernels do', (_, architecture) => {
    const tensors = tensorsOf(architecture);
    const position = 100;
    const { step } = dryRun(architecture, tensors, { tokens: 256, cacheType: 'f32' });
    const dispatched = step.map((spec) => workOf(spec, { architecture, position, tokens: 1 }).flops);
    const { flops } = decodeWork(architecture, tensors, { position, cacheType: 'f32' });
    const ratio = dispatched.reduce((sum, count) => sum + count, 0) / flops;
    expect(ratio).toBeGreaterThan(0.8);
    expect(ratio).toBeLessThan(1.05);
  });
});

describe('prefillWork', () => {
  it('is twice the parameters a token, and more where attention looks back', () => {
    const perToken = 2 * (parameters('llama-3.1-8b') - 2 * 128_256 * 4096);
    const flops = flopsOf('llama-3.1-8b', 100) - 2 * 128_256 * 4096;
    expect(flops / (100 * perToken)).toBeGreaterThan(1);
    expect(flops / (100 * perToken)).toBeLessThan(1.01);
  });
});
