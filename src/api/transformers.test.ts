import { readFileSync } from 'node:fs';
import { PreTrainedTokenizer, TextStreamer as TheirStreamer } from '@huggingface/transformers';
import { describe, expect, test } from 'vitest';
import { endEvent, FakeEngine, textEvent } from '../testing/engines/fake-engine.ts';
import { transformersProgress, webLlmProgress } from './progress.ts';
import { schemeOf } from './transformers-dtype.ts';
import { pipeline, pipelineOf, TextStreamer, type TransformersTokenizer } from './transformers.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../public/models/lexicon/${name}`, import.meta.url), 'utf8'));
const theirs = new PreTrainedTokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
const tokenizer = theirs as unknown as TransformersTokenizer;
const question = [{ role: 'user' as const, content: 'What is an apple?' }];

describe('the pipeline', () => {
  test('continues a text, and answers a chat', async () => {
    const fake = new FakeEngine(textEvent('a '), textEvent('fruit'), endEvent());
    const generator = pipelineOf(fake);
    expect(
      await generator('It is ', { max_new_tokens: 5, do_sample: false, temperature: 0.7, stop_strings: 'x' }),
    ).toEqual([{ generated_text: 'It is a fruit' }]);
    expect(await generator('It is ', { return_full_text: false })).toEqual([{ generated_text: 'a fruit' }]);
    expect(await generator(question)).toEqual([
      { generated_text: [...question, { role: 'assistant', content: 'a fruit' }] },
    ]);
    expect(fake.requests).toEqual([
      { prompt: 'It is ', maxTokens: 5, temperature: 0, stop: 'x' },
      { prompt: 'It is ' },
      { messages: question },
    ]);
  });

  test("takes a tokenizer object, and the package's own streamer with it", async () => {
    const ids = tokenizer.encode('A round fruit.');
    const fake = new FakeEngine(
      ...ids.map((id) => textEvent(tokenizer.decode([id], { skip_special_tokens: true }), [id])),
      endEvent(),
    );
    const generator = pipelineOf(fake, tokenizer);
    let text = '';
    const streamer = new TheirStreamer(theirs, {
      skip_prompt: true,
      callback_function: (piece: string) => (text += piece),
    });
    await generator(question, { streamer });
    expect(text).toBe('A round fruit.');
    const prompt = theirs.apply_chat_template(question, {
      add_generation_prompt: true,
      return_tensor: false,
      return_dict: false,
    });
    expect(fake.requests[0]?.prompt).toEqual(prompt);
  });

  test('streams through its own streamer', async () => {
    const generator = pipelineOf(new FakeEngine(textEvent('a ', [4]), textEvent('fruit', [5, 6]), endEvent()));
    const seen: unknown[] = [];
    const streamer = new TextStreamer(generator.tokenizer, {
      skip_prompt: true,
      callback_function: (text) => seen.push(text),
      token_callback_function: (ids) => seen.push(ids),
    });
    await generator('x', { streamer });
    expect(seen).toEqual([[4n], 'a ', [5n, 6n], 'fruit']);
    expect(() => new TextStreamer(null, { skip_prompt: false })).toThrow(/needs a tokenizer/);
    const shown: string[] = [];
    await pipelineOf(new FakeEngine(endEvent()), tokenizer)('What', {
      streamer: new TextStreamer(tokenizer, { callback_function: (text) => shown.push(text) }),
    });
    expect(shown).toEqual(['What']);
  });

  test('takes types by the names of transformers.js, and ours', () => {
    expect((['fp32', 'fp16', 'q8', 'q4', 'fp8', 'int4'] as const).map(schemeOf)).toEqual([
      'f32',
      'f16',
      'int8',
      'int4',
      'fp8',
      'int4',
    ]);
  });

  test('refuses other tasks, devices and options', async () => {
    await expect(pipeline('text-generation', 'x', { device: 'wasm' as never })).rejects.toThrow(/no device "wasm"/);
    await expect(pipeline('text-generation', 'x', { subfolder: 'onnx' } as never)).rejects.toThrow(
      /no option "subfolder"/,
    );
    await expect(pipeline('translation' as never, 'x')).rejects.toMatchObject({ code: 'setting_invalid' });
    await expect(pipelineOf(new FakeEngine(endEvent()))('x', { num_beams: 4 } as never)).rejects.toThrow(
      /no option "num_beams"/,
    );
  });
});

test('progress of loading, as transformers.js and as WebLLM report it', () => {
  const base = { source: 'network', bytesPerSecond: 0, secondsLeft: 0 } as const;
  const steps = [
    { ...base, stage: 'manifest', loaded: 0, total: 0, progress: 0 },
    { ...base, stage: 'weights', loaded: 1, total: 4, progress: 0.2 },
    { ...base, stage: 'compile', loaded: 1, total: 2, progress: 0.9 },
    { ...base, stage: 'ready', loaded: 1, total: 1, progress: 1 },
  ] as const;
  const statuses: string[] = [];
  const reports: [number, string][] = [];
  const listeners = [
    transformersProgress('m', (report) => statuses.push(report.status)),
    webLlmProgress(({ progress, text, timeElapsed }) => {
      expect(timeElapsed).toBeGreaterThanOrEqual(0);
      reports.push([progress, text]);
    }),
  ];
  for (const step of steps) for (const listener of listeners) listener(step);
  const stage = ['initiate', 'download', 'progress', 'done'];
  expect(statuses).toEqual([...stage, ...stage, ...stage, 'ready']);
  expect(reports).toEqual([
    [0, 'Looking at the model'],
    [0.2, 'Loading the weights (25 %)'],
    [0.9, 'Preparing the GPU (50 %)'],
    [1, 'Ready'],
  ]);
});
