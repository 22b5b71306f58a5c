// A long chat: what it takes of the GPU and of JavaScript's memory is flat after the tenth turn. With Lexicon and 200 turns
// where everything is tested, else with a quick model and a few; BAMBA_TURNS says how many.

import { expect, test } from '@playwright/test';
import { ALL } from '../src/testing/extent.ts';
import { useHubPage } from './hub-page.ts';
import { MODEL_NAME, serveModel, watchWorkers } from './watched-model.ts';
import { type Held, WorkerHeap } from './worker-heap.ts';

const served = useHubPage(() => ({}));
const TURNS = Number(process.env['BAMBA_TURNS'] ?? (ALL ? 200 : 30));
/** What collecting leaves once and not another time, besides a tenth of what the tenth turn takes; and code that V8 compiles. */
const SLACK_BYTES = 1_000_000;
/** What the worker remembers of the last 32 chats, once it has read so many: their tokens, and where their turns ended. */
const REMEMBERED_BYTES = 64_000;
/** Turns after which everything that the worker holds is looked at: that takes a while. */
const LOOKS = new Set([10, ...[1, 2, 3, 4].map((part) => Math.max(10, Math.ceil((part * TURNS) / 4)))]);
/** At rest for so long, the engine writes the state of the chat: the next turn ends that. */
const AT_REST_MS = 1500;

const question = (turn: number): string => `What is ${turn} + ${(turn * 7) % 50}?`;

test(`${TURNS} turns with ${MODEL_NAME} take no more memory than ten`, async ({ page }) => {
  test.setTimeout(3_600_000);
  await serveModel(page);
  await watchWorkers(page);
  const heap = await WorkerHeap.of(page);
  await page.goto(served.url);
  await page.evaluate(
    async (options) => {
      window.chatting = window.bamba.createEngine({ model: '/models/watched/', ...options });
      await window.chatting;
      // The context, and the room for earlier states, are full by the tenth turn.
    },
    { contextLength: 256, ...(!ALL && { stateCacheBytes: 2 ** 18 }) },
  );
  const held: (Held & { turn: number })[] = [];
  const rows: { turn: number; gpu: number; page: number; worker: number; dropped: number }[] = [];
  for (let turn = 1; turn <= TURNS; turn++) {
    if (LOOKS.has(turn)) await page.waitForTimeout(AT_REST_MS);
    const dropped = await page.evaluate(async (content) => {
      const engine = await window.chatting;
      const chat = (window.spoken ??= []);
      chat.push({ role: 'user', content });
      let text = '';
      let left = 0;
      const request = { messages: chat, maxTokens: 24, temperature: 0, contextOverflow: 'drop-oldest-turns' } as const;
      for await (const event of engine.generate({ ...request, conversation: 'long' })) {
        if (event.type === 'text') text += event.text;
        if (event.type === 'end') left = event.usage.droppedTurns ?? 0;
      }
      chat.push({ role: 'assistant', content: text });
      return left;
    }, question(turn));
    if (LOOKS.has(turn)) {
      held.push({ turn, ...(await heap.held()) });
      console.log(`turn ${turn}: the worker holds ${held.at(-1)!.dataBytes} B of data`);
    }
    if (turn % 10 !== 0) continue;
    const gpu = await page.evaluate(() => window.gpuBytes());
    rows.push({ turn, gpu, dropped, ...(await heap.bytes()) });
    const { page: own, worker } = rows.at(-1)!;
    console.log(`turn ${turn}: GPU ${gpu} B, page ${own} B, worker ${worker} B, ${dropped} turns dropped`);
  }
  const [tenth] = rows;
  for (const name of ['gpu', 'page', 'worker'] as const) {
    const most = Math.max(...rows.map((row) => row[name]));
    expect(most, `${name} of ${JSON.stringify(rows)}`).toBeLessThanOrEqual(1.1 * tenth![name] + SLACK_BYTES);
  }
  expect(rows.at(-1)!.dropped).toBeGreaterThan(0);
  for (const { turn, dataBytes, strings } of held) {
    expect(dataBytes, `data at turn ${turn}`).toBeLessThanOrEqual(held[0]!.dataBytes + REMEMBERED_BYTES);
    // A request that has ended is nobody's any more: nothing of its text is left.
    const left = Array.from({ length: turn }, (_, index) => question(index + 1)).filter((text) => strings.has(text));
    expect(left, `texts that the worker holds after turn ${turn}`).toEqual([]);
  }
});

declare global {
  interface Window {
    spoken: { role: 'user' | 'assistant'; content: string }[] | undefined;
  }
}
