import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chatOf, take } from '../../testing/engines/answer.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { packQuickModel } from '../../testing/models/quick-model.ts';
import { NO_SPECIAL } from '../../testing/models/tiny-model.ts';
import { LocalEngine } from '../local-engine.ts';
import type { GenerationRequest } from '../protocol.ts';

const CONTEXT = 512;

const REQUESTS: GenerationRequest[] = [
  { prompt: 'What is an apple?', maxTokens: 14, logitBias: NO_SPECIAL },
  { messages: chatOf('Well?'), maxTokens: 18, logitBias: NO_SPECIAL, temperature: 1.5, seed: 7 },
  { prompt: 'A list', maxTokens: 20, temperature: 1, seed: 5, pattern: '\\[(\\d{3,5}, ){2,}\\d\\]' },
  { prompt: 'How likely?', maxTokens: 12, logitBias: NO_SPECIAL, logprobs: 2 },
  {
    prompt: 'Again and again',
    maxTokens: 14,
    logitBias: NO_SPECIAL,
    temperature: 1,
    seed: 3,
    repetitionPenalty: 1.4,
    frequencyPenalty: 1.5,
  },
];

describe.skipIf(!hasAdapter)('answers that are asked for at once', () => {
  let engine: LocalEngine;
  beforeAll(async () => {
    engine = await LocalEngine.load(await packQuickModel(), { gpu: { gpu: sharedGpu() }, contextLength: CONTEXT });
  });
  afterAll(() => engine?.dispose());

  test('are those that each would have alone', { timeout: 120_000 }, async () => {
    const alone = [];
    for (const request of REQUESTS) alone.push(await take(engine, request));
    const together = await Promise.all(REQUESTS.map((request) => take(engine, request)));
    for (const [index, { text, ids, finishReason }] of together.entries()) {
      expect({ text, ids, finishReason }, `answer ${index}`).toMatchObject({
        text: alone[index]!.text,
        ids: alone[index]!.ids,
        finishReason: alone[index]!.finishReason,
      });
    }
  });
});
