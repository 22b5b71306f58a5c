import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../architecture/config.ts';
import { ChatTemplate, readChatTemplate } from '../text/chat-template.ts';
import { createTokenizer } from '../text/tokenizer.ts';
import { parseJsonFile } from '../text/tokenizer-files.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import { readText } from '../weights/read-text.ts';
import { resolveSources } from '../weights/tensor-sources.ts';
import { openCheckpointFiles } from './checkpoint-place.ts';

// Trained models that `npm run get:public` brings. Ids are those of llama.cpp, for the same files.

const ROOT = join(import.meta.dirname, '../..');
const FIXTURE = JSON.parse(readFileSync(join(ROOT, 'src/testing/fixtures/public-tokens.json'), 'utf8')) as Record<
  'smollm2' | 'gemma3',
  { text: string; ids: number[] }[]
>;

function place(file: string): string | null {
  const path = join(ROOT, 'trained', file);
  if (existsSync(path)) return path;
  console.warn(`SKIPPED: there is no trained/${file}. \`npm run get:public\` brings it.`);
  return null;
}

const SMOLLM2 = place('SmolLM2-135M-Instruct.Q4_1.gguf');
const GEMMA3 = place('gemma-3-270m-q4_k_m.gguf');

async function readTexts(path: string) {
  const { files } = await openCheckpointFiles(path);
  const json = async (file: string) => parseJsonFile(new TextDecoder().decode((await readText(files, file))!), file);
  const config = await json('tokenizer_config.json');
  return { files, config, tokenizer: createTokenizer(await json('tokenizer.json'), config) };
}

describe.skipIf(SMOLLM2 === null)('SmolLM2-135M-Instruct', () => {
  it('gives the ids and the texts of another program', { timeout: 60_000 }, async () => {
    const { tokenizer } = await readTexts(SMOLLM2!);
    for (const { text, ids } of FIXTURE.smollm2) {
      expect.soft(tokenizer.encode(text, { addSpecialTokens: false }), text).toEqual(ids);
      expect.soft(tokenizer.decode(ids, { skipSpecialTokens: false }), text).toBe(text);
    }
  });

  it('renders chats by its own template', async () => {
    const { config, tokenizer } = await readTexts(SMOLLM2!);
    const chat = new ChatTemplate(readChatTemplate(config), tokenizer);
    const [first] = FIXTURE.smollm2;
    const question = [{ role: 'user', content: 'What is the capital of France?' }];
    expect(chat.encode(question, { addGenerationPrompt: true })).toEqual(first!.ids);
  });

  it('has all tensors of its architecture', async () => {
    const { files } = await openCheckpointFiles(SMOLLM2!);
    const { architecture, tensors, stopIds } = parseConfig((await readText(files, 'config.json'))!);
    const checkpoint = await Checkpoint.open(files);
    expect(resolveSources(checkpoint, tensors)).toHaveLength(182);
    expect(stopIds).toEqual([2]);
    expect(architecture.attention).toMatchObject({ heads: 9, kvHeads: 3, headDim: 64 });
    const rows = await checkpoint.readRows('model.layers.3.self_attn.q_proj.weight', 60, 70);
    expect(rows.every((value) => Math.abs(value) < 10)).toBe(true);
    expect(Math.hypot(...rows)).toBeGreaterThan(1);
  });
});

describe.skipIf(GEMMA3 === null)('Gemma 3 270M', () => {
  it('gives the ids and the texts of another program', { timeout: 120_000 }, async () => {
    const { tokenizer } = await readTexts(GEMMA3!);
    for (const { text, ids } of FIXTURE.gemma3) {
      expect.soft(tokenizer.encode(text, { addSpecialTokens: false }), text).toEqual(ids);
      expect.soft(tokenizer.decode(ids, { skipSpecialTokens: false }), text).toBe(text);
    }
  });
});
