import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hasAdapter } from '../testing/dawn.ts';
import { quickCheckpoint } from '../testing/models/quick-model.ts';
import { main as evaluate } from './eval.ts';
import { main as report } from './report.ts';

const KINDS = {
  task: 'kinds',
  output_type: 'multiple_choice',
  doc_to_text: 'text',
  doc_to_choice: 'choices',
  doc_to_target: 0,
};
const DOCS = ['An apple is a', 'Iron is a'].map((text) => ({ text, choices: ['fruit', 'metal'] }));

describe.skipIf(!hasAdapter)('the commands on a checkpoint', () => {
  let folder: string;
  let printed: string[];
  let said: string[];
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const task = (...lines: object[]) => file('kinds.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'eval-'));
    for (const [name, bytes] of Object.entries(quickCheckpoint({ num_hidden_layers: 2 }))) file(name, bytes);
    [printed, said] = [[], []];
    vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text));
    vi.spyOn(console, 'error').mockImplementation((text: string) => void said.push(text));
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });

  it('evaluate tasks, texts and tokens, and go on from a log', async () => {
    const asked = [
      '--task',
      task(KINDS, ...DOCS),
      '--text',
      file('my.txt', 'Some text. '),
      '--log',
      join(folder, 'log'),
    ];
    const ids = file('ids.json', JSON.stringify({ sequences: [{ ids: [5, 6, 7], answer: [0, 1, 1] }] }));
    const run = () => evaluate([folder, '--dtype', 'f32', ...asked, '--ids', ids, '--json']);
    expect(await run()).toBe(0);
    const first = JSON.parse(printed[0]!) as { results: Record<string, Record<string, number>> };
    expect(Object.keys(first.results)).toEqual(['kinds', 'my.txt', 'ids.json']);
    expect(first.results['ids.json']!['nll']).toBeGreaterThan(1);
    expect(await run()).toBe(0);
    expect(printed[1]).toBe(printed[0]);
    // Other settings have other outcomes.
    expect(await evaluate([folder, '--dtype', 'f16', ...asked])).toBe(1);
    expect(said.at(-1)).toContain('is no log of this model with these settings');
  });

  it('say what is wrong in a sentence', async () => {
    expect(await evaluate([folder, '--task', task(KINDS, { ...DOCS[0], choices: [] })])).toBe(1);
    expect(said.at(-1)).toContain('kinds.jsonl, line 2: doc_to_choice gives no list');
    expect(await evaluate([folder, '--text', file('my.txt', '')])).toBe(1);
    expect(said.at(-1)).toContain('my.txt has 0 tokens');
    expect(await evaluate([folder, '--task', 'nothing'])).toBe(1);
    expect(said.at(-1)).toContain('nothing cannot be read');
    expect(await evaluate([folder, '--limit', '0'])).toBe(2);
    expect(await report([folder, '--schemes', 'int3'])).toBe(2);
  });

  it('report what schemes cost, and which matrix is the most fragile', async () => {
    expect(await report([folder, '--tokens', '48', '--schemes', 'int8,int4', '--json'])).toBe(0);
    const { tokens, schemes, modules } = JSON.parse(printed[0]!) as {
      tokens: number;
      schemes: { scheme: string; bytes: number; klMean: number; top1: number }[];
      modules: { name: string; klMean: number }[];
    };
    expect(tokens).toBe(48);
    const kl = Object.fromEntries(schemes.map((one) => [one.scheme, one.klMean]));
    expect(schemes[0]).toMatchObject({ scheme: 'f32', klMean: 0, top1: 1 });
    expect(kl['int4']).toBeGreaterThan(kl['int8']!);
    expect(kl['int8']).toBeGreaterThan(0);
    expect(modules.length).toBeGreaterThan(4);
    expect(modules.every(({ klMean }) => klMean > 0)).toBe(true);
    expect(modules.map(({ klMean }) => klMean)).toEqual(modules.map(({ klMean }) => klMean).toSorted((a, b) => b - a));
    // Each was put back: the sum of all alone is near that of all together.
    const sum = modules.reduce((all, { klMean }) => all + klMean, 0);
    expect(sum / kl['int4']!).toBeGreaterThan(0.4);
    expect(sum / kl['int4']!).toBeLessThan(2.5);
  });
});
