import { expect, it } from 'vitest';
import { boundTokens } from './activations.ts';
import type { Architecture } from '../architecture/architecture.ts';
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

it('keys and values of the longest context fill a binding, and are within it', () => {
  expect(longestContext(architecture, DEFAULTS)).toBe(32_768);
  const three = { ...architecture, attention: { ...attention, kvHeads: 3 } };
  const tokens = longestContext(three, DEFAULTS);
  expect(tokens % 256).toBe(0);
  expect(tokens * 3 * 128 * 4).toBeLessThanOrEqual(2 ** 27);
  expect((tokens + 256) * 3 * 128 * 4).toBeGreaterThan(2 ** 27);
});

it('the table of rotary angles is within a binding, too', () => {
  const rope = { dims: 256, inverseFrequencies: [], attentionFactor: 1 };
  const one = { ...architecture, attention: { ...attention, kvHeads: 1, rope } };
  expect(longestContext(one, DEFAULTS)).toBe(131_072);
});

it('what cannot be bound as a buffer counts as well, and without attention nothing does', () => {
  expect(longestContext(architecture, { ...DEFAULTS, maxBufferSize: 2 ** 26 })).toBe(16_384);
  expect(longestContext({ ...architecture, attention: null }, DEFAULTS)).toBe(Infinity);
});

it('a chunk of a prompt is halved until each of its buffers can be bound', () => {
  // Ten experts give 160 KiB a token.
  expect(boundTokens(architecture, 512, 2 ** 27)).toBe(512);
  expect(boundTokens(architecture, 1024, 2 ** 27)).toBe(512);
  expect(boundTokens(architecture, 1024, 2 ** 25)).toBe(128);
  expect(boundTokens(architecture, 1, 2 ** 10)).toBe(1);
});
