import { describe, expect, it } from 'vitest';
import type { Architecture } from '../model/architecture.ts';
import { packageTensors, parseArchitecture } from '../model/config.ts';
import { checkArchitecture } from '../model/dims.ts';
import { planTensors } from '../weights/package-writer.ts';
import { SHAPES } from './shapes.ts';
import { decodeBytes, prefillFlops } from './traffic.ts';

const names = Object.keys(SHAPES) as (keyof typeof SHAPES)[];
const shape = (name: keyof typeof SHAPES): Architecture => SHAPES[name];

const parameters = (name: keyof typeof SHAPES) =>
  packageTensors(shape(name)).reduce((sum, spec) => sum + spec.shape.reduce((product, size) => product * size, 1), 0);

describe('shapes', () => {
  it.each(names)('%s is a model that could be', (name) => {
    expect(() => parseArchitecture(shape(name))).not.toThrow();
    expect(() => checkArchitecture(shape(name))).not.toThrow();
  });

  it.each([
    ['lexicon', 34_914_536],
    ['granite-h-350m', 0.34e9],
    ['granite-h-1b', 1.462e9],
    ['bamba-9b', 9.78e9],
    ['llama-3.1-8b', 8.03e9],
  ] as const)('%s has the %d parameters of the model that it is named after', (name, expected) => {
    expect(parameters(name) / expected).toBeGreaterThan(0.999);
    expect(parameters(name) / expected).toBeLessThan(1.001);
  });
});

describe('decodeBytes', () => {
  const of = (name: keyof typeof SHAPES, position: number) =>
    decodeBytes(shape(name), planTensors(packageTensors(shape(name)), 'int8'), position);

  it('counts all weights of Bamba-9B but the embedding, one byte each and a scale a row', () => {
    const looked = parameters('bamba-9b') - 128_256 * 4096;
    expect(of('bamba-9b', 0).weights / looked).toBeGreaterThan(1);
    expect(of('bamba-9b', 0).weights / looked).toBeLessThan(1.002);
  });

  it('counts an embedding that is the head too', () => {
    expect(of('lexicon', 0).weights).toBeGreaterThan(parameters('lexicon'));
  });

  it('counts keys and values of all tokens so far, and states that do not grow', () => {
    const blocks = 29;
    expect(of('bamba-9b', 0).state).toBe(blocks * 4 * (128 * 64 * 128 + 4 * (8192 + 256)));
    expect(of('bamba-9b', 1000).state - of('bamba-9b', 0).state).toBe(3 * 2 * 1000 * 8 * 128 * 4);
    expect(of('llama-3.1-8b', 0).state).toBe(0);
  });
});

describe('prefillFlops', () => {
  it('is twice the parameters a token, and more where attention looks back', () => {
    const perToken = 2 * (parameters('llama-3.1-8b') - 2 * 128_256 * 4096);
    const flops = prefillFlops(shape('llama-3.1-8b'), 100) - 2 * 128_256 * 4096;
    expect(flops / (100 * perToken)).toBeGreaterThan(1);
    expect(flops / (100 * perToken)).toBeLessThan(1.01);
  });
});
