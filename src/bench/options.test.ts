import { describe, expect, it } from 'vitest';
import { BambaError } from '../errors.ts';
import { parseOptions } from './options.ts';

const parse = (query: string) => parseOptions(new URLSearchParams(query));

describe('parseOptions', () => {
  it('measures every shape in every scheme, but one that names its own in that alone, and packages as they are', () => {
    const { targets } = parse('shape=tiny,bamba-9b:f16&scheme=int8,fp8&model=./models/lexicon/');
    expect(targets).toEqual([
      { shape: 'tiny', scheme: 'int8' },
      { shape: 'tiny', scheme: 'fp8' },
      { shape: 'bamba-9b', scheme: 'f16' },
      { url: './models/lexicon/' },
    ]);
  });

  it('has the lengths and repetitions of the published figures by default', () => {
    expect(parse('shape=bamba-9b')).toMatchObject({
      contexts: [16, 1024, 4096, 16_384],
      batches: [],
      lookups: [],
      batchDigits: 0,
      prefills: [128, 512, 1024, 4096],
      runs: 5,
      tokens: 64,
      profile: false,
      chunkTokens: null,
      int8Activations: false,
      kvCacheType: 'f32',
      subgroupMatrices: false,
    });
  });

  it('takes what is given, also nothing of a kind', () => {
    expect(
      parse(
        'shape=tiny&contexts=&batch=1,16&digits=2&lookup=1&prefills=7,8&profile=1&quick=0&chunk=64&int8dots=1&matrices=1&cache=int8&load=0&without=subgroups,byteProducts',
      ),
    ).toMatchObject({
      contexts: [],
      batches: [1, 16],
      lookups: [4, 8, 16],
      batchDigits: 2,
      prefills: [7, 8],
      profile: true,
      quick: false,
      chunkTokens: 64,
      int8Activations: true,
      kvCacheType: 'int8',
      subgroupMatrices: true,
      loadBytes: 0,
      without: ['subgroups', 'byteProducts'],
    });
  });

  it.each([
    'shape=gpt-2',
    'cache=int4',
    'digits=3',
    'lookup=2',
    'shape=tiny:int3',
    'shape=toString',
    'scheme=q4',
    'contexts=0',
    'contexts=many',
    'batch=17',
    'prefills=1.5',
    'runs=0',
    'without=speed',
  ])('refuses %s and names it', (query) => {
    expect(() => parse(query)).toThrow(BambaError);
    expect(() => parse(query)).toThrow(query.split('=')[1]!.split(':')[1] ?? query.split('=')[1]);
  });
});
