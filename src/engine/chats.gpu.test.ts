import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasAdapter } from '../testing/dawn.ts';
import { type GoldenChat, otherChats, typedChats } from '../testing/golden-chats.ts';
import { openLexiconPackage } from '../testing/lexicon-package.ts';
import { LocalEngine } from './local-engine.ts';
import type { ChatMessage, Usage } from './protocol.ts';

// Lexicon's committed int8 package against the original weights. The end-to-end tests type the other chats.

/** An answer of some fifty tokens, where the CPU plays the GPU and other work goes on. */
const PATIENCE = 600_000;

/** Where the CPU plays the GPU, a token takes a second. */
const isLong = (chat: GoldenChat): boolean => chat.reduce((sum, turn) => sum + turn.answer_ids.length, 0) > 40;

describe.skipIf(!hasAdapter)('Lexicon answers as the original', () => {
  let engine: LocalEngine;

  beforeAll(async () => {
    engine = await LocalEngine.load(await openLexiconPackage());
  }, PATIENCE);

  afterAll(() => engine?.dispose());

  test('all 26 turns are asked, here or in the page', () => {
    expect([...otherChats, ...typedChats].flat()).toHaveLength(26);
    expect(otherChats.length).toBeGreaterThan(5);
  });

  test.for(otherChats.map((chat) => ({ name: chat.map(({ question }) => question).join(' / '), chat })))(
    '$name',
    { timeout: PATIENCE },
    async ({ chat }, { skip }) => {
      skip(
        isLong(chat) && import.meta.env.MODE !== 'all-chats',
        'long answers: `npm run test:chats` asks for them, too',
      );
      const messages: ChatMessage[] = [];
      let kept = 0;
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
        // A follow-up question processes what is new in it, and the one token that ended the answer before it.
        expect(usage).toMatchObject({
          promptTokens: turn.prompt_ids.length,
          cachedTokens: kept,
          completionTokens: turn.answer_ids.length,
        });
        kept = turn.prompt_ids.length + turn.answer_ids.length - 1;
        messages.push({ role: 'assistant', content: text });
      }
    },
  );
});
