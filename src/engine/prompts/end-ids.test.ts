import { describe, expect, it } from 'vitest';
import { endIds } from './end-ids.ts';

const vocabulary = ['<s>', '</s>', '<|im_end|>'];
const tokenizer = (eos?: string) => ({
  namedTokens: eos === undefined ? {} : { eos_token: eos },
  tokenToId: (token: string) => (vocabulary.includes(token) ? vocabulary.indexOf(token) : undefined),
});
const nothing = { defaults: { stopIds: [] }, config: [], tokenizer: tokenizer(), specialTokens: undefined };

describe('endIds', () => {
  it('unites what the four files say', () => {
    const sources = {
      defaults: { stopIds: [7, 8] },
      config: [8, 9],
      tokenizer: tokenizer('</s>'),
      specialTokens: { eos_token: { content: '<|im_end|>', lstrip: false } },
    };
    expect(endIds(sources)).toEqual({ ids: [7, 8, 9, 1, 2], warnings: [] });
    expect(endIds({ ...nothing, config: [3] }).ids).toEqual([3]);
    expect(endIds({ ...nothing, specialTokens: { eos_token: '</s>' } }).ids).toEqual([1]);
    expect(endIds(nothing).ids).toEqual([]);
  });

  it.each([
    {},
    { eos_token: null },
    { eos_token: [1] },
    { eos_token: { content: 3 } },
    { eos_token: 'unknown' },
    'x',
    [1],
  ])('takes nothing of a special_tokens_map.json that says %o', (specialTokens) => {
    expect(endIds({ ...nothing, specialTokens })).toEqual({ ids: [], warnings: [] });
  });

  it('keeps as many as the sampler compares with, and says so', () => {
    const { ids, warnings } = endIds({ ...nothing, config: Array.from({ length: 70 }, (_, id) => id) });
    expect(ids).toHaveLength(64);
    expect(warnings).toEqual([expect.stringContaining('name 70 tokens that end an answer; the first 64 do.')]);
  });
});
