import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BambaError } from '../errors.ts';
import { readGenerationConfig, readStopIds, resolveSampling } from './sampling.ts';

const GREEDY = readGenerationConfig(undefined).sampling;

function refusal(work: () => unknown): BambaError {
  try {
    work();
  } catch (error) {
    if (error instanceof BambaError) return error;
    throw error;
  }
  throw new Error('It was not refused.');
}

describe('resolveSampling', () => {
  it('completes settings from the defaults', () => {
    const settings = { temperature: 0.7, topP: 0.9, minP: undefined, seed: 5, logitBias: { 3: -100, 4: 0, 9: 1.5 } };
    expect(resolveSampling(settings, { ...GREEDY, topK: 40, minP: 0.1 }, 10)).toEqual({
      temperature: 0.7,
      topK: 40,
      topP: 0.9,
      minP: 0.1,
      repetitionPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      logitBias: new Map([
        [3, -100],
        [9, 1.5],
      ]),
      seed: 5,
    });
  });

  it('accepts the ends of every range', () => {
    for (const settings of [
      { temperature: 0, topK: 0, minP: 0, presencePenalty: -2, frequencyPenalty: -2, seed: 0 },
      { temperature: 100, topK: 1e6, topP: 1, minP: 1, presencePenalty: 2, frequencyPenalty: 2, seed: 2 ** 32 - 1 },
      { topP: Number.MIN_VALUE, repetitionPenalty: Number.MIN_VALUE, logitBias: { 0: 100, 9: -100 } },
      { repetitionPenalty: 100 },
    ]) {
      expect(resolveSampling(settings, GREEDY, 10)).toMatchObject({
        ...settings,
        logitBias: expect.any(Map) as unknown,
      });
    }
  });

  it('draws a seed where none is given, another one each time', () => {
    const drawn = Array.from({ length: 8 }, () => resolveSampling({}, GREEDY, 10).seed);
    expect(new Set(drawn).size).toBeGreaterThan(6);
    expect(drawn.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)).toBe(true);
  });

  it.each([
    [{ temperature: -0.1 }, 'temperature is -0.1. It takes a number from 0 to 100.'],
    [{ temperature: 101 }, 'temperature is 101.'],
    [{ topK: 1.5 }, 'topK is 1.5. It takes a whole number from 0 to 1000000.'],
    [{ topK: -1 }, 'topK is -1.'],
    [{ topP: 0 }, 'topP is 0. It takes a number above 0 and at most 1.'],
    [{ topP: 1.01 }, 'topP is 1.01.'],
    [{ minP: 2 }, 'minP is 2.'],
    [{ repetitionPenalty: 0 }, 'repetitionPenalty is 0.'],
    [{ presencePenalty: 2.5 }, 'presencePenalty is 2.5. It takes a number from -2 to 2.'],
    [{ frequencyPenalty: -3 }, 'frequencyPenalty is -3.'],
    [{ seed: 2 ** 32 }, 'seed is 4294967296.'],
    [{ seed: 0.5 }, 'seed is 0.5.'],
    [{ temperature: '0.7' }, 'temperature is "0.7".'],
    [{ temperature: null }, 'temperature is null.'],
    [{ temperature: 1n }, 'temperature is the bigint 1.'],
    [{ topK: [40] }, 'topK is a list.'],
    [{ minP: () => 0 }, 'minP is a function.'],
    [{ top_p: 0.9 }, 'There is no sampling setting "top_p". There are: temperature, topK, topP,'],
    [{ toString: 1 }, 'There is no sampling setting "toString".'],
    [{ logitBias: { 10: 1 } }, 'logitBias has the token id "10". It takes whole numbers from 0 to 9,'],
    [{ logitBias: { '-1': 1 } }, 'logitBias has the token id "-1".'],
    [{ logitBias: { '1.5': 1 } }, 'logitBias has the token id "1.5".'],
    [{ logitBias: { '': 1 } }, 'logitBias has the token id "".'],
    [{ logitBias: { 1: 100.5 } }, 'logitBias of token 1 is 100.5. It takes a number from -100 to 100.'],
    [{ logitBias: { 1: NaN } }, 'logitBias of token 1 is NaN.'],
    [{ logitBias: [1] }, 'logitBias is a list. It takes an object of token ids and numbers, such as { 42: -100 }.'],
    [{ logitBias: 'x'.repeat(100) }, `logitBias is "${'x'.repeat(56)}...`],
    [{ logitBias: null }, 'logitBias is null.'],
    [{ logitBias: new Map([[1, 1]]) }, 'logitBias is an object.'],
  ])('refuses %o', (settings, sentence) => {
    const error = refusal(() => resolveSampling(settings, GREEDY, 10));
    expect(error.code).toBe('setting_invalid');
    expect(error.message).toContain(sentence);
  });

  it('refuses what is no finite number in every field', () => {
    for (const name of ['temperature', 'topK', 'topP', 'minP', 'repetitionPenalty', 'presencePenalty', 'seed']) {
      for (const value of [NaN, Infinity, -Infinity]) {
        expect(refusal(() => resolveSampling({ [name]: value }, GREEDY, 10)).message).toContain(`${name} is ${value}.`);
      }
    }
  });

  it('gives settings in range or a sentence, whatever it is handed', () => {
    const value = fc.anything({ withBigInt: true, withMap: true, withNullPrototype: true });
    const settings = fc.dictionary(fc.constantFrom('temperature', 'topK', 'topP', 'seed', 'logitBias', 'x'), value);
    fc.assert(
      fc.property(settings, (fields) => {
        try {
          const { temperature, topK, topP, seed } = resolveSampling(fields, GREEDY, 100);
          expect(temperature >= 0 && temperature <= 100 && topP > 0 && topP <= 1).toBe(true);
          expect(Number.isInteger(topK) && topK >= 0 && Number.isInteger(seed) && seed >= 0).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(BambaError);
          expect((error as BambaError).message.length).toBeLessThan(250);
        }
      }),
    );
  });
});

describe('readGenerationConfig', () => {
  it('is greedy and neutral without a file, and with one that says nothing', () => {
    const neutral = {
      temperature: 0,
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
    };
    expect(readGenerationConfig(undefined)).toEqual({ sampling: neutral, stopIds: [], warnings: [] });
    expect(readGenerationConfig({ bos_token_id: 0, pad_token_id: 3, eos_token_id: 2, do_sample: false })).toEqual({
      sampling: neutral,
      stopIds: [2],
      warnings: [],
    });
  });

  it('takes what a sampling model says', () => {
    const file = { do_sample: true, temperature: 0.6, top_p: 0.9, min_p: 0.05, repetition_penalty: 1.1 };
    expect(readGenerationConfig({ ...file, eos_token_id: [128_001, 128_009, 128_001] })).toEqual({
      sampling: { ...GREEDY, temperature: 0.6, topK: 50, topP: 0.9, minP: 0.05, repetitionPenalty: 1.1 },
      stopIds: [128_001, 128_009],
      warnings: [],
    });
    expect(readGenerationConfig({ do_sample: true, top_k: 0, temperature: null }).sampling).toEqual({
      ...GREEDY,
      temperature: 1,
    });
  });

  it('stays greedy without do_sample, but keeps the filters for when a temperature is asked for', () => {
    expect(readGenerationConfig({ temperature: 0.6, top_p: 0.9 }).sampling).toEqual({ ...GREEDY, topP: 0.9 });
  });

  it.each<[unknown, string]>([
    [[], 'generation_config.json holds no object; answers are greedy.'],
    ['x', 'generation_config.json holds no object; answers are greedy.'],
    [
      { do_sample: 'yes' },
      'In generation_config.json do_sample is "yes", but takes true or false; answers are greedy.',
    ],
    [{ top_p: 0 }, 'top_p is 0, but takes a number above 0 and at most 1; 1 counts in its place.'],
    [{ top_k: -1 }, 'top_k is -1, but takes a whole number from 0 to 1000000; 0 counts in its place.'],
    [{ top_k: 2.5 }, 'top_k is 2.5'],
    [{ min_p: '0.1' }, 'min_p is "0.1"'],
    [{ repetition_penalty: 0 }, 'repetition_penalty is 0, but'],
    [{ repetition_penalty: '1' }, 'repetition_penalty is "1"'],
    [{ eos_token_id: -1 }, 'eos_token_id is -1, but takes token ids; what is none is left out.'],
    [{ eos_token_id: ['2', null, {}] }, 'eos_token_id is "2", null, an object, but'],
    [{ eos_token_id: [-1, -2, -3, -4, -5] }, 'eos_token_id is -1, -2, -3, -4 and more, but'],
  ])('takes what is neutral in place of %o, and says so', (config, sentence) => {
    const { sampling, stopIds, warnings } = readGenerationConfig(config);
    expect(sampling).toEqual(GREEDY);
    expect(stopIds).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(sentence)]);
  });

  it('keeps all that can be used beside what cannot', () => {
    const odd = { do_sample: 1, temperature: '0.6', top_k: -1, top_p: 0.9, eos_token_id: [-1, 2, null, 7] };
    const { sampling, stopIds, warnings } = readGenerationConfig(odd);
    expect(sampling).toEqual({ ...GREEDY, temperature: 1, topP: 0.9 });
    expect(stopIds).toEqual([2, 7]);
    expect(warnings).toHaveLength(3);
    const many = Array.from({ length: 40 }, (_, id) => id);
    expect(readGenerationConfig({ eos_token_id: many })).toMatchObject({ stopIds: many, warnings: [] });
  });

  it('gives settings that the sampler takes for whatever the file holds', () => {
    const fields = ['do_sample', 'temperature', 'top_k', 'top_p', 'min_p', 'repetition_penalty', 'eos_token_id'];
    const value = fc.oneof(fc.jsonValue(), fc.double(), fc.integer(), fc.constantFrom(-1, 0, 1, '1', NaN, null));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...fields), value), (config) => {
        const { sampling, stopIds, warnings } = readGenerationConfig(config);
        expect(resolveSampling({ seed: 1 }, sampling, 100)).toMatchObject(sampling);
        expect(stopIds.every((id) => Number.isSafeInteger(id) && id >= 0)).toBe(true);
        for (const sentence of warnings) expect(sentence.length).toBeLessThan(400);
      }),
    );
  });

  it('reads the ids of another file', () => {
    expect(readStopIds(2, 'config.json')).toEqual({ ids: [2], warnings: [] });
    expect(readStopIds(null, 'config.json')).toEqual({ ids: [], warnings: [] });
    const [sentence] = readStopIds({}, 'config.json').warnings;
    expect(sentence).toContain('In config.json eos_token_id is an object, but');
  });
});
