import { expect, it } from 'vitest';
import type { Usage } from '../../engine/protocol.ts';
import { statisticsOf } from './statistics.ts';

const USAGE: Usage = {
  promptTokens: 120,
  cachedTokens: 44,
  completionTokens: 10,
  timeToFirstTokenS: 0.118,
  prefillTokensPerS: 900,
  decodeTokensPerS: 58.3,
};

it('says in words what an answer took', () => {
  expect(statisticsOf(USAGE)).toEqual([
    '76 tokens read, 44 kept from before',
    'first after 0.118 s',
    '10 tokens written, 58.3 tokens/s',
  ]);
});

it('leaves out what there is nothing to say of', () => {
  // A first question has nothing to be kept from, an answer of one token no speed, one that was stopped no first token.
  expect(statisticsOf({ ...USAGE, cachedTokens: 0, completionTokens: 1, decodeTokensPerS: 0 })).toEqual([
    '120 tokens read',
    'first after 0.118 s',
    '1 token written',
  ]);
  expect(statisticsOf({ ...USAGE, completionTokens: 0, timeToFirstTokenS: 0, decodeTokensPerS: Infinity })).toEqual([
    '76 tokens read, 44 kept from before',
    '0 tokens written',
  ]);
});
