import { afterAll, describe, expect, test } from 'vitest';
import { BambaError } from '../errors.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { times } from '../testing/extent.ts';
import { FaultyGpu, GPU_FAULTS } from '../testing/faults/gpu.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { packQuickModel } from '../testing/models/quick-model.ts';
import { NO_SPECIAL } from '../testing/models/tiny-model.ts';
import { LocalEngine } from './local-engine.ts';
import type { ChatMessage } from './protocol.ts';

// Calls of the GPU meet with faults while a model is loaded and chats. However a run ends, it ends in time: with the right
// answers, or with a typed error; and an engine without faults answers right.

/** Calls that are tried of a scenario, evenly over all of it, the first and the last among them. */
const TRIED = times(20, 8);
/** A run takes a second or two, where nothing else is going on. */
const DEADLINE_MS = 120_000;
const QUESTIONS = ['One?', 'Two?', 'Three?'];

const source = await packQuickModel();
let faulty: FaultyGpu;
let survived = 0;
let injected = 0;

/** Loads the model, asks three questions in one chat, and lets it go. */
async function scenario(): Promise<string> {
  const engine = await LocalEngine.load(source, { contextLength: 512, gpu: { gpu: faulty.gpu } });
  try {
    const messages: ChatMessage[] = [];
    for (const content of QUESTIONS) {
      messages.push({ role: 'user', content });
      let answer = '';
      for await (const event of engine.generate({ messages, maxTokens: 4, logitBias: NO_SPECIAL })) {
        if (event.type === 'text') answer += event.text;
      }
      messages.push({ role: 'assistant', content: answer });
    }
    return messages.map(({ content }) => content).join('|');
  } finally {
    engine.dispose();
  }
}

async function outcome(): Promise<{ value: string } | { code: string }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It did not end within ${DEADLINE_MS / 1000} seconds.`)), DEADLINE_MS);
  });
  try {
    return { value: await Promise.race([scenario(), late]) };
  } catch (error) {
    if (!(error instanceof BambaError)) throw error;
    expect(error.message).toMatch(/^\w[^]{20,}\.$/u);
    return { code: error.code };
  } finally {
    clearTimeout(timer);
  }
}

describe.skipIf(!hasAdapter)('faults of the GPU', () => {
  afterAll(() => {
    const lost = injected - survived;
    console.log(`Faults of the GPU injected: ${injected}, survived: ${survived}, lost: ${lost}`);
  });

  test('at calls of a load and a chat of three turns', { timeout: 3_600_000 }, async () => {
    // What it compiles is the same each time. A call that was refused may leave an error scope open.
    faulty = new FaultyGpu(sharedGpu(new Map()));
    const right = await scenario();
    const { calls } = faulty;
    expect(calls).toBeGreaterThan(100);
    const tried = Array.from({ length: TRIED }, (_, i) => 1 + Math.round((i * (calls - 1)) / (TRIED - 1)));
    for (const [i, n] of tried.entries()) {
      const fault = GPU_FAULTS[i % GPU_FAULTS.length]!;
      faulty.injectAt(n, fault);
      const ended = await outcome();
      if ('value' in ended) expect(ended.value, `call ${n}: ${fault}`).toBe(right);
      survived++;
    }
    ({ injected } = faulty);
    expect(injected).toBe(TRIED);
    faulty.clear();
    expect(await scenario()).toBe(right);
  });
});
