import { afterEach, describe, expect, test } from 'vitest';
import { chatOf, take } from '../../testing/engines/answer.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { packGoldenModel, packTinyModel } from '../../testing/models/tiny-model.ts';
import { LocalEngine, type LocalEngineOptions } from '../local-engine.ts';

// How much GPU memory the states of earlier prompts may take, and that a small adapter keeps less of them.

/** What an answer of the tiny model begins with; the state before it is kept. */
const HEADER_TOKENS = 'assistant: '.length;

describe.skipIf(!hasAdapter)('states of earlier prompts', () => {
  const shared = sharedGpu();
  let engine: LocalEngine | null = null;
  afterEach(() => engine?.dispose());

  /** Tokens that asking the same again finds kept, of those of the prompt; and the answers. */
  async function askTwice(options: LocalEngineOptions) {
    const source = await packGoldenModel('int8');
    engine = await LocalEngine.load(source, { ...options, gpu: { gpu: shared, ...options.gpu } });
    const request = { messages: chatOf('Well?'), maxTokens: 3, temperature: 0 };
    const first = await take(engine, request);
    const second = await take(engine, request);
    expect(second.ids).toEqual(first.ids);
    return { kept: second.usage.cachedTokens, of: second.usage.promptTokens };
  }

  test('are kept by default, and not where none are wanted', async () => {
    const { kept, of } = await askTwice({});
    expect(kept).toBe(of - HEADER_TOKENS);
    expect((await askTwice({ stateCacheBytes: 0 })).kept).toBe(0);
  });

  test('are not kept where the adapter’s buffers are too small for that', async () => {
    const source = await packGoldenModel('int8');
    const largest = Math.max(...source.manifest.tensors.map(({ bytes }) => bytes));
    const limit = Math.ceil(largest / 3.5 / 256) * 256;
    const maxLimits = { maxStorageBufferBindingSize: limit, maxBufferSize: limit + 1024 };
    expect((await askTwice({ gpu: { maxLimits } })).kept).toBe(0);
    // Whoever says how many bytes there are is believed.
    const { kept, of } = await askTwice({ gpu: { maxLimits }, stateCacheBytes: 2 ** 24 });
    expect(kept).toBe(of - HEADER_TOKENS);
  });

  test.each([-1, 1.5, Number.NaN])('take a whole number of bytes, not %s', async (stateCacheBytes) => {
    const source = await packTinyModel();
    await expect(LocalEngine.load(source, { stateCacheBytes })).rejects.toMatchObject({
      code: 'setting_invalid',
      message: expect.stringContaining('stateCacheBytes') as string,
    });
  });
});
