import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RopeScaling } from '../../architecture/rope-scaling.ts';
import { memorySource } from '../../weights/byte-source.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { asciiIds, packTinyModel, tinyCheckpoint } from '../../testing/models/tiny-model.ts';
import { LocalEngine } from '../local-engine.ts';
import { packCheckpoint } from './pack-checkpoint.ts';

// Positions that an option scales are those of a config that scales them, and no state outlives a change of them.

const SCALING: RopeScaling = { type: 'yarn', factor: 4, originalContextLength: 64 };
const PROMPT = asciiIds('The positions of this prompt turn less than they did.');
const CHAT = [{ role: 'user' as const, content: 'Keep this.' }];
const options = { gpu: { gpu: sharedGpu() }, precision: 'exact' } as const;

async function packScaled() {
  const files = tinyCheckpoint();
  const config = JSON.parse(new TextDecoder().decode(files['config.json'])) as object;
  const scaled = {
    ...config,
    max_position_embeddings: 256,
    rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64 },
  };
  files['config.json'] = new TextEncoder().encode(JSON.stringify(scaled));
  return packCheckpoint(memorySource(files), 'f32', 'tiny');
}

async function logprobs(engine: LocalEngine): Promise<(number | null)[]> {
  for await (const event of engine.generate({ prompt: PROMPT, promptLogprobs: 0, maxTokens: 0 })) {
    if (event.type === 'prompt') return event.logprobs.map(({ logprob }) => logprob);
  }
  throw new Error('The prompt was not told.');
}

describe.skipIf(!hasAdapter)('positions that are scaled at load', () => {
  let [plain, asked, stated]: LocalEngine[] = [];
  beforeAll(async () => {
    const tiny = await packTinyModel();
    plain = await LocalEngine.load(tiny, { ...options, contextLength: 256 });
    asked = await LocalEngine.load(tiny, { ...options, ropeScaling: SCALING });
    stated = await LocalEngine.load(await packScaled(), options);
  });
  afterAll(() => [plain, asked, stated].forEach((engine) => engine?.dispose()));

  test('compute what a config that has the scaling computes, and the context follows', async () => {
    const scaled = await logprobs(asked!);
    expect(scaled).toEqual(await logprobs(stated!));
    expect(scaled).not.toEqual(await logprobs(plain!));
    expect(asked!.info.model.contextLength).toBe(256);
    expect(asked!.info.model).not.toHaveProperty('configLength');
  });

  test('take no state of other positions', async () => {
    const refused = expect.objectContaining({ code: 'state_invalid' }) as Error;
    const state = await asked!.exportState(CHAT);
    await expect(plain!.importState(state)).rejects.toThrow(refused);
    await expect(asked!.importState(await plain!.exportState(CHAT))).rejects.toThrow(refused);
    expect((await asked!.importState(state)).messages).toEqual(CHAT);
  });

  test('are refused before anything is loaded where they cannot be', async () => {
    const opening = () => Promise.reject(new Error('not to be opened'));
    const ropeScaling = { type: 'yarn', factor: 0.5 } as const;
    await expect(LocalEngine.load(opening, { ...options, ropeScaling })).rejects.toMatchObject({
      code: 'setting_invalid',
      message: expect.stringContaining('ropeScaling.factor') as string,
    });
  });
});
