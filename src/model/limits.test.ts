import { expect, it } from 'vitest';
import { boundTokens } from './activations.ts';
import type { Architecture } from '../architecture/architecture.ts';
import type { CacheType } from '../kernels/attention/kv-cache.ts';
import { cacheLayout, SEGMENT_TOKENS } from './sequence-cache.ts';
import { longestContext } from './state.ts';

// Sizes that a model has within the limits that every device has.

const DEFAULTS = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 };
const attention = { heads: 32, kvHeads: 8, headDim: 128, scale: 1, rope: null };
const architecture: Architecture = {
  family: 'granitemoehybrid',
  vocabSize: 100_352,
  hiddenSize: 4096,
  intermediateSize: 1536,
  tiedHead: true,
  blocks: [[['attention'], ['swiglu', 'moe']]],
  attention,
  mamba2: null,
  moe: { experts: 72, topK: 10, intermediateSize: 768 },
  normEps: 1e-5,
  embeddingScale: 1,
  logitScale: 1,
  maxPositions: 131_072,
};

it('a segment of keys fills a binding where it must, and is within it', () => {
  const tokens = (type: CacheType, kvHeads: number, limits = DEFAULTS) =>
    cacheLayout({ ...architecture, attention: { ...attention, kvHeads } }, type, limits).segmentTokens;
  expect(tokens('f32', 8)).toBe(SEGMENT_TOKENS);
  const few = tokens('f32', 24);
  expect(few % 256).toBe(0);
  expect(few * 24 * 128 * 4).toBeLessThanOrEqual(2 ** 27);
  expect((few + 256) * 24 * 128 * 4).toBeGreaterThan(2 ** 27);
  expect(tokens('f16', 24)).toBe(SEGMENT_TOKENS);
  // What cannot be bound as a buffer counts as well, and a block there always is.
  expect(tokens('f32', 8, { ...DEFAULTS, maxBufferSize: 2 ** 25 })).toBe(8192);
  expect(tokens('f32', 512)).toBe(512);
  expect(tokens('f32', 8, { ...DEFAULTS, maxBufferSize: 1 })).toBe(256);
});

it('the longest context is what a table of rotary angles has, and without one there is no end', () => {
  const rope = { dims: 256, inverseFrequencies: [], attentionFactor: 1 };
  const one = { ...architecture, attention: { ...attention, kvHeads: 1, rope } };
  expect(longestContext(one, DEFAULTS)).toBe(131_072);
  expect(longestContext(one, { ...DEFAULTS, maxBufferSize: 2 ** 26 })).toBe(65_536);
  expect(longestContext(architecture, DEFAULTS)).toBe(Infinity);
  expect(longestContext({ ...architecture, attention: null }, DEFAULTS)).toBe(Infinity);
});

it('a chunk of a prompt is halved until each of its buffers can be bound', () => {
  // Ten experts give 160 KiB a token.
  expect(boundTokens(architecture, 512, 2 ** 27)).toBe(512);
  expect(boundTokens(architecture, 1024, 2 ** 27)).toBe(512);
  expect(boundTokens(architecture, 1024, 2 ** 25)).toBe(128);
  expect(boundTokens(architecture, 1, 2 ** 10)).toBe(1);
  // A dispatch has at most 65,535 workgroups in a dimension, one for each token.
  expect(boundTokens(architecture, 100_000, 2 ** 40)).toBe(50_000);
});
