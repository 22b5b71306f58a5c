import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chatOf, take } from '../../testing/engines/answer.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { expectReferenceAnswer, GREEDY } from '../../testing/models/reference-answer.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { asciiIds, NO_SPECIAL, packTinyModel, spell } from '../../testing/models/tiny-model.ts';
import { LocalEngine } from '../local-engine.ts';
import type { GenerationRequest } from '../protocol.ts';

// What the engine answers with a model small enough to compare every token with the reference in f64.

/** Text of `length` characters, and so of as many tokens; of different lengths, none begins as the other. */
function textOf(length: number): string {
  const letter = (index: number) => 97 + ((index * index + (7 * index + 1) * length) % 26);
  return Array.from({ length }, (_, index) => String.fromCharCode(letter(index))).join('');
}

describe.skipIf(!hasAdapter)('an answer', () => {
  const gpu = { gpu: sharedGpu() };
  let engine: LocalEngine;

  beforeAll(async () => {
    engine = await LocalEngine.load(await packTinyModel(), { gpu });
  });
  afterAll(() => engine?.dispose());

  test('streams: the prompt, the text with its ids, one end', async () => {
    const request = { prompt: 'What is it?', maxTokens: 9, logitBias: NO_SPECIAL };
    const { text, ids, processed, finishReason, usage } = await take(engine, request);
    expect(processed).toEqual([0, 11]);
    expect(text).toBe(ids.map(spell).join(''));
    expect(finishReason).toBe('length');
    expect(usage).toMatchObject({ promptTokens: 11, cachedTokens: 0, completionTokens: 9 });
    expect(Math.min(usage.timeToFirstTokenS, usage.prefillTokensPerS, usage.decodeTokensPerS)).toBeGreaterThan(0);
    await expectReferenceAnswer(asciiIds('What is it?'), ids);
  });

  // First, while the cache is as it was made: its first block, then all that it has after growing.
  test('outgrows the attention cache, twice', async () => {
    const { ids } = await take(engine, { prompt: textOf(250), maxTokens: 12, logitBias: NO_SPECIAL });
    expect(ids).toHaveLength(12);
    await expectReferenceAnswer(asciiIds(textOf(250)), ids);
    const longer = await take(engine, { prompt: textOf(506), maxTokens: 12, logitBias: NO_SPECIAL });
    await expectReferenceAnswer(asciiIds(textOf(506)), longer.ids);
  });

  // Around a chunk of the SSD scan and of prefill.
  test.each([1, 2, 64, 65, 256, 257])('to a prompt of %i tokens', async (length) => {
    const prompt = textOf(length);
    const { ids, processed } = await take(engine, { prompt, maxTokens: 2, logitBias: NO_SPECIAL });
    const chunks = Array.from({ length: Math.ceil(length / 256) }, (_, chunk) => Math.min(length, 256 * (chunk + 1)));
    expect(processed).toEqual([0, ...chunks]);
    await expectReferenceAnswer(asciiIds(prompt), ids);
  });

  const settings: Partial<Omit<GenerationRequest, 'logitBias'>>[] = [
    { repetitionPenalty: 1.3 },
    { presencePenalty: 1.5, frequencyPenalty: 0.5 },
    { repetitionPenalty: 0.8, frequencyPenalty: -0.3 },
    { temperature: 1, seed: 1 },
    { temperature: 0.7, topK: 20, seed: 2 },
    { temperature: 1.3, topP: 0.8, seed: 4_294_967_295 },
    { temperature: 1, minP: 0.3, repetitionPenalty: 1.2, seed: 0 },
  ];
  test.each(settings)('with %j', async (given) => {
    const prompt = 'Say it again and again.';
    const { ids } = await take(engine, { prompt, maxTokens: 30, logitBias: NO_SPECIAL, ...given });
    await expectReferenceAnswer(asciiIds(prompt), ids, { ...GREEDY, ...given });
  });

  test('with a bias, for that answer alone', async () => {
    const prompt = 'Where?';
    const plain = await take(engine, { prompt, maxTokens: 6 });
    const [first] = plain.ids;
    const bias = { ...NO_SPECIAL, [first!]: -100, 300: 4 };
    const { ids } = await take(engine, { prompt, maxTokens: 6, logitBias: bias });
    expect(ids).not.toContain(first);
    const logitBias = new Map(Object.entries(bias).map(([id, value]): [number, number] => [Number(id), value]));
    await expectReferenceAnswer(asciiIds(prompt), ids, { ...GREEDY, logitBias });
    expect((await take(engine, { prompt, maxTokens: 6 })).ids).toEqual(plain.ids);
  });

  test('a seed draws the same again, another seed something else, none something else each time', async () => {
    const draw = async (seed?: number) =>
      (
        await take(engine, {
          prompt: 'Draw.',
          maxTokens: 16,
          temperature: 1.5,
          ...(seed === undefined ? {} : { seed }),
        })
      ).text;
    const first = await draw(7);
    expect(await draw(7)).toBe(first);
    expect(await draw(8)).not.toBe(first);
    expect(await draw()).not.toBe(await draw());
  });

  test('ends at a stop id of generation_config.json, which is no text', async () => {
    const request = { prompt: 'Stop there.', maxTokens: 12, repetitionPenalty: 2, logitBias: NO_SPECIAL };
    const { ids } = await take(engine, request);
    const at = ids.findIndex((id, index) => index >= 3 && ids.indexOf(id) === index);
    expect(at).toBeGreaterThan(0);
    const stopping = await LocalEngine.load(await packTinyModel({ generation: { eos_token_id: [ids[at], 1] } }), {
      gpu,
    });
    try {
      const answer = await take(stopping, request);
      expect(answer.ids).toEqual(ids.slice(0, at + 1));
      expect(answer.text).toBe(ids.slice(0, at).map(spell).join(''));
      expect(answer.finishReason).toBe('stop');
      expect(answer.usage.completionTokens).toBe(at + 1);
    } finally {
      stopping.dispose();
    }
  });

  test('takes defaults of generation_config.json, which a request overrides', async () => {
    const sampling = { do_sample: true, temperature: 0.9, top_k: 5, repetition_penalty: 1.1 };
    const defaulting = await LocalEngine.load(await packTinyModel({ generation: sampling }), { gpu });
    try {
      expect(defaulting.info.sampling).toMatchObject({ temperature: 0.9, topK: 5, repetitionPenalty: 1.1 });
      const prompt = 'By default.';
      const given = { temperature: 0.9, topK: 5, repetitionPenalty: 1.1, seed: 11 };
      const byDefault = await take(defaulting, { prompt, maxTokens: 20, seed: 11, logitBias: NO_SPECIAL });
      await expectReferenceAnswer(asciiIds(prompt), byDefault.ids, { ...GREEDY, ...given });
      const greedy = await take(defaulting, { prompt, maxTokens: 5, temperature: 0, topK: 0, repetitionPenalty: 1 });
      expect(greedy.ids).toEqual((await take(engine, { prompt, maxTokens: 5 })).ids);
    } finally {
      defaulting.dispose();
    }
  });

  test.each(['text', 'list'])('ends before a stop string that spans tokens, given as %s', async (form) => {
    const request = {
      messages: chatOf('Stop in the middle.'),
      maxTokens: 12,
      repetitionPenalty: 2,
      logitBias: NO_SPECIAL,
    };
    const { ids, text } = await take(engine, request);
    const spellings = ids.map(spell);
    // From the middle of a long spelling into the next token.
    const token = spellings.findIndex((spelling, index) => index >= 2 && spelling.length > 2);
    const begin = spellings.slice(0, token).join('').length + 1;
    const end = spellings.slice(0, token + 1).join('').length + 1;
    const stop = text.slice(begin, end);
    expect(text.indexOf(stop)).toBe(begin);
    const answer = await take(engine, { ...request, stop: form === 'text' ? stop : ['never said', stop] });
    expect(answer.text).toBe(text.slice(0, begin));
    expect(answer.finishReason).toBe('stop');
  });
});
