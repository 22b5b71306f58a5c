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
    expect(readGenerationConfig(undefined)).toEqual({ sampling: neutral, stopIds: [] });
    expect(readGenerationConfig({ bos_token_id: 0, pad_token_id: 3, eos_token_id: 2, do_sample: false })).toEqual({
      sampling: neutral,
      stopIds: [2],
    });
  });

  it('takes what a sampling model says', () => {
    const file = { do_sample: true, temperature: 0.6, top_p: 0.9, min_p: 0.05, repetition_penalty: 1.1 };
    expect(readGenerationConfig({ ...file, eos_token_id: [128_001, 128_009, 128_001] })).toEqual({
      sampling: { ...GREEDY, temperature: 0.6, topK: 50, topP: 0.9, minP: 0.05, repetitionPenalty: 1.1 },
      stopIds: [128_001, 128_009],
    });
    expect(readGenerationConfig({ do_sample: true, top_k: 0, temperature: null }).sampling).toEqual({
      ...GREEDY,
      temperature: 1,
    });
  });

  it('stays greedy without do_sample, but keeps the filters for when a temperature is asked for', () => {
    expect(readGenerationConfig({ temperature: 0.6, top_p: 0.9 }).sampling).toEqual({ ...GREEDY, topP: 0.9 });
  });

  it.each([
    [[], 'generation_config.json must hold an object.'],
    ['x', 'generation_config.json must hold an object.'],
    [{ do_sample: 'yes' }, 'In generation_config.json do_sample is "yes". It takes true or false.'],
    [{ do_sample: true, temperature: -1 }, 'temperature is -1. It takes a number from 0 to 100.'],
    [{ top_p: 0 }, 'top_p is 0.'],
    [{ top_k: 2.5 }, 'top_k is 2.5.'],
    [{ repetition_penalty: '1' }, 'repetition_penalty is "1".'],
    [{ eos_token_id: -1 }, 'eos_token_id is -1. It takes a token id or a list of them.'],
    [{ eos_token_id: [1, '2'] }, 'eos_token_id is a list.'],
    [{ eos_token_id: Array.from({ length: 17 }, (_, id) => id) }, 'It takes at most 16 ids.'],
  ])('refuses %o', (config, sentence) => {
    const error = refusal(() => readGenerationConfig(config));
    expect(error.code).toBe('config_invalid');
    expect(error.message).toContain(sentence);
  });

  it('reads the ids of another file', () => {
    expect(readStopIds(2, 'config.json')).toEqual([2]);
    expect(readStopIds(null, 'config.json')).toEqual([]);
    expect(refusal(() => readStopIds({}, 'config.json')).message).toContain(
      'In config.json eos_token_id is an object.',
    );
  });
});
