import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Gpu } from '../../gpu/device.ts';
import type { Tuning } from '../../model/tuning.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { ALL } from '../../testing/extent.ts';
import { type GoldenChat, goldenTurn, otherChats, typedChats } from '../../testing/models/golden-chats.ts';
import { KnownPrompts, STATE_CACHE_BYTES } from '../../testing/models/known-prompts.ts';
import { openLexiconPackage } from '../../testing/models/lexicon-package.ts';
import { useMemoryDatabase } from '../../testing/browser/memory-database.ts';
import { inScheme } from '../../testing/checkpoints/package-model.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import type { Scheme } from '../../weights/types.ts';
import { LocalEngine, type LocalEngineOptions } from '../local-engine.ts';
import type { ChatMessage, Usage } from '../protocol.ts';
import { keepTuning } from '../loading/tuned.ts';

// Lexicon's committed int8 package against the original weights, in every way to run it. The end-to-end tests type other
// chats. `npm run test:chats` asks for all answers in all ways; where the CPU plays the GPU, a token takes a second.

const ALL_CHATS = ALL || process.env['BAMBA_ALL_CHATS'] === '1';

/** An answer of some fifty tokens, where the CPU plays the GPU and other work goes on. */
const PATIENCE = 600_000;

/** Short chats that `npm test` has time for: a greeting, and a question with one that follows it. */
const SHORT = ['Hello!', 'Is a whale a mammal?', 'What is 27 + 46?'];
const isShort = ([first]: GoldenChat): boolean => SHORT.includes(first!.question);

/** A way to run Lexicon, and the chats that are asked. */
interface Variant {
  name: string;
  /** Other than `int8`, it is made of the committed package, whose values it rounds once more. */
  scheme: Scheme;
  options?: LocalEngineOptions;
  /** Sizes as tuning may have left them. */
  tuning?: Tuning;
  chats: readonly GoldenChat[];
}

const everything = [...otherChats, ...typedChats];
/** Where not everything is asked. */
const sum = ALL_CHATS ? everything : [[goldenTurn('What is 27 + 46?')]];
const onRequest = ALL_CHATS ? everything : [];

/** What `balanced` does where a GPU is quick with bytes. */
const INT8_ACTIVATIONS: LocalEngineOptions = { gpu: { quickByteProducts: true } };

const VARIANTS: readonly Variant[] = [
  { name: 'as it is', scheme: 'int8', chats: ALL_CHATS ? everything : otherChats },
  { name: 'with int8 activations', scheme: 'int8', options: INT8_ACTIVATIONS, chats: sum },
  { name: 'in int4 with int8 activations', scheme: 'int4', options: INT8_ACTIVATIONS, chats: onRequest },
  { name: 'exactly', scheme: 'int8', options: { precision: 'exact' }, chats: onRequest },
  { name: 'fast', scheme: 'int8', options: { ...INT8_ACTIVATIONS, precision: 'fast' }, chats: onRequest },
  { name: 'in int4', scheme: 'int4', chats: onRequest },
  { name: 'in fp8', scheme: 'fp8', chats: onRequest },
  { name: 'in f16', scheme: 'f16', chats: onRequest },
  { name: 'in f32', scheme: 'f32', chats: onRequest },
  { name: 'without subgroups', scheme: 'int8', options: { gpu: { without: ['subgroups'] } }, chats: onRequest },
  { name: 'in f32 tiles', scheme: 'int8', options: { gpu: { without: ['f16'] } }, chats: onRequest },
  { name: 'with keys and values in f32', scheme: 'int8', options: { kvCacheType: 'f32' }, chats: onRequest },
  { name: 'with keys and values in f16', scheme: 'int8', options: { kvCacheType: 'f16' }, chats: onRequest },
  { name: 'with keys and values in int8', scheme: 'int8', options: { kvCacheType: 'int8' }, chats: onRequest },
  { name: 'with kept states in f16', scheme: 'int8', options: { stateCacheType: 'f16' }, chats: onRequest },
  {
    name: 'tuned',
    scheme: 'int8',
    tuning: { matvecSubgroups: 8, narrowRows: 2560, chunkTokens: 128 },
    chats: onRequest,
  },
];

describe.skipIf(!hasAdapter)('Lexicon answers as the original', () => {
  const gpu = sharedGpu();

  test('all 51 turns are asked, here or in the page', () => {
    expect(everything.flat()).toHaveLength(51);
    expect(otherChats.length).toBeGreaterThan(5);
  });

  describe.each(VARIANTS.filter(({ chats }) => chats.length > 0))('$name', ({ scheme, options, tuning, chats }) => {
    let engine: LocalEngine;
    const known = new KnownPrompts();
    useMemoryDatabase();

    beforeAll(async () => {
      if (tuning) await keepForAdapter(tuning);
      const source = await openLexiconPackage();
      engine = await LocalEngine.load(scheme === 'int8' ? source : await inScheme(source, scheme), {
        ...options,
        gpu: { gpu, ...options?.gpu },
        stateCacheBytes: STATE_CACHE_BYTES,
      });
      expect(engine.info.adapter.tuned).toBe(tuning !== undefined);
    }, PATIENCE);

    afterAll(() => engine?.dispose());

    test.for(chats.map((chat) => ({ name: chat.map(({ question }) => question).join(' / '), chat })))(
      '$name',
      { timeout: PATIENCE },
      async ({ chat }, { skip }) => {
        skip(!isShort(chat) && !ALL_CHATS, '`npm run test:chats` asks for it, too');
        await expectChat(engine, chat, known);
      },
    );
  });
});

/** As if the adapter had been tuned. */
async function keepForAdapter(tuning: Tuning): Promise<void> {
  const gpu = await Gpu.request();
  await keepTuning(gpu, tuning);
  gpu.dispose();
}

/** Asks the questions of a chat, one after the other, and holds each answer to the chat's. */
async function expectChat(engine: LocalEngine, chat: GoldenChat, known: KnownPrompts): Promise<void> {
  const messages: ChatMessage[] = [];
  for (const turn of chat) {
    messages.push({ role: 'user', content: turn.question });
    let text = '';
    const ids: number[] = [];
    let usage: Usage | undefined;
    for await (const event of engine.generate({ messages })) {
      if (event.type === 'text') {
        text += event.text;
        ids.push(...event.ids);
      }
      if (event.type === 'end') {
        expect(event.finishReason).toBe('stop');
        usage = event.usage;
      }
    }
    expect(text).toBe(turn.answer);
    expect(ids).toEqual(turn.answer_ids);
    expect(usage).toMatchObject({
      promptTokens: turn.prompt_ids.length,
      cachedTokens: known.cachedTokens(turn),
      completionTokens: turn.answer_ids.length,
    });
    messages.push({ role: 'assistant', content: text });
  }
}
