// A long chat: what it takes of the GPU and of JavaScript's memory is flat after the tenth turn. With Lexicon and 200 turns
// where everything is tested, else with a quick model and a few; BAMBA_TURNS says how many.

import { type CDPSession, expect, type Page, test } from '@playwright/test';
import { ALL } from '../src/testing/extent.ts';
import { useHubPage } from './hub-page.ts';
import { MODEL_NAME, serveModel, watchWorkers } from './watched-model.ts';

const served = useHubPage(() => ({}));
const TURNS = Number(process.env['BAMBA_TURNS'] ?? (ALL ? 200 : 30));
/** What collecting leaves once and not another time, besides a tenth of what the tenth turn takes. */
const SLACK_BYTES = 1_000_000;

/** Asks the worker's own debugger, through the page's. */
class WorkerHeap {
  readonly #session: CDPSession;
  readonly #answers = new Map<number, (result: { usedSize?: number }) => void>();
  #worker = '';
  #last = 0;

  private constructor(session: CDPSession) {
    this.#session = session;
    session.on('Target.attachedToTarget', ({ sessionId }) => {
      this.#worker = sessionId;
    });
    session.on('Target.receivedMessageFromTarget', ({ message }) => {
      const { id, result } = JSON.parse(message) as { id: number; result: { usedSize?: number } };
      this.#answers.get(id)?.(result);
    });
  }

  /** @param page before it starts its worker */
  static async of(page: Page): Promise<WorkerHeap> {
    const session = await page.context().newCDPSession(page);
    const heap = new WorkerHeap(session);
    await session.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
    return heap;
  }

  /** Bytes in use by page and worker, once what nobody needs is collected. */
  async bytes(): Promise<{ page: number; worker: number }> {
    await this.#session.send('HeapProfiler.collectGarbage');
    const { usedSize: page } = await this.#session.send('Runtime.getHeapUsage');
    await this.#ask('HeapProfiler.collectGarbage');
    const { usedSize = 0 } = await this.#ask('Runtime.getHeapUsage');
    return { page, worker: usedSize };
  }

  async #ask(method: string): Promise<{ usedSize?: number }> {
    const id = ++this.#last;
    const answer = new Promise<{ usedSize?: number }>((resolve) => this.#answers.set(id, resolve));
    const message = JSON.stringify({ id, method, params: {} });
    await this.#session.send('Target.sendMessageToTarget', { message, sessionId: this.#worker });
    return answer;
  }
}

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
  const rows: { turn: number; gpu: number; page: number; worker: number; dropped: number }[] = [];
  for (let turn = 1; turn <= TURNS; turn++) {
    const dropped = await page.evaluate(async (number) => {
      const engine = await window.chatting;
      const chat = (window.spoken ??= []);
      chat.push({ role: 'user', content: `What is ${number} + ${(number * 7) % 50}?` });
      let text = '';
      let left = 0;
      const request = { messages: chat, maxTokens: 24, temperature: 0, contextOverflow: 'drop-oldest-turns' } as const;
      for await (const event of engine.generate({ ...request, conversation: 'long' })) {
        if (event.type === 'text') text += event.text;
        if (event.type === 'end') left = event.usage.droppedTurns ?? 0;
      }
      chat.push({ role: 'assistant', content: text });
      return left;
    }, turn);
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
});

declare global {
  interface Window {
    spoken: { role: 'user' | 'assistant'; content: string }[] | undefined;
  }
}
