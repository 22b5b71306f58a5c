import { expect, it } from 'vitest';
import type { EngineInfo, Usage } from '../engine/protocol.ts';
import { statusLine } from './status-line.ts';

const INFO = { adapter: { vendor: 'apple', architecture: 'metal-3', description: '' } } as EngineInfo;
const USAGE: Usage = {
  promptTokens: 1234,
  cachedTokens: 1200,
  completionTokens: 10,
  timeToFirstTokenS: 0.118,
  prefillTokensPerS: 900,
  decodeTokensPerS: 58.3,
};

it('says what computes, and what the last answer took', () => {
  expect(statusLine(undefined, undefined)).toBe('');
  expect(statusLine(INFO, undefined)).toBe('apple metal-3');
  expect(statusLine(INFO, USAGE)).toBe(
    'apple metal-3 · 1\u202f234 prompt tokens, 1\u202f200 cached · 58 tokens/s · first token after 0.12 s',
  );
  // A first question has nothing to be kept from, an answer of one token no speed.
  expect(statusLine(INFO, { ...USAGE, promptTokens: 12, cachedTokens: 0, decodeTokensPerS: 0 })).toBe(
    'apple metal-3 · 12 prompt tokens · first token after 0.12 s',
  );
});
