import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { memorySource } from '../../weights/byte-source.ts';
import { readHeader } from '../../weights/safetensors.ts';
import { fixtureFolder } from './fixtures.ts';
import { main } from './golden-command.ts';
import { goldenFiles } from './golden.ts';
import { randomCheckpoint } from '../checkpoints/random-checkpoint.ts';

const LLAMA = fixtureFolder('llama3');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bamba-web-'));
  for (const stream of ['log', 'error'] as const) vi.spyOn(console, stream).mockImplementation(() => {});
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

const readConfig = async () => JSON.parse(await readFile(join(LLAMA, 'config.json'), 'utf8')) as object;

/** The bytes of each tensor of a checkpoint of this config. */
async function tensorsOf(config: object): Promise<Map<string, string>> {
  const files = randomCheckpoint(config);
  const infos = await readHeader(memorySource(files), 'model.safetensors');
  const bytes = Buffer.from(files['model.safetensors']!);
  return new Map(infos.map(({ name, begin, end }) => [name, bytes.toString('latin1', begin, end)]));
}

describe('a golden without weights', () => {
  it('refuses weights that its results are not of', async () => {
    await copyFile(join(LLAMA, 'golden.safetensors'), join(folder, 'golden.safetensors'));
    await writeFile(join(folder, 'config.json'), JSON.stringify(await readConfig()));
    expect(goldenFiles(folder)).toHaveProperty(['model.safetensors']);
    await writeFile(join(folder, 'config.json'), JSON.stringify({ ...(await readConfig()), intermediate_size: 156 }));
    expect(() => goldenFiles(folder)).toThrow(
      /config\.json or src\/testing\/checkpoints\/random-checkpoint\.ts has changed/,
    );
  });

  it('is written with its weights by the command', async () => {
    expect(await main(['llama3', folder])).toBe(0);
    const weights = new Uint8Array(await readFile(join(folder, 'model.safetensors')));
    expect(weights).toEqual(goldenFiles(LLAMA)['model.safetensors']);
  });

  it.each([[[]], [['llama3']], [['llama3', 'a', 'b']], [['llama3', '--typo']]])(
    'is not written for the arguments %j',
    async (args) => {
      expect(await main(args)).toBe(2);
    },
  );

  it('is not written where there is no config, or where the weights are in the tree', async () => {
    await expect(main(['no-such-golden', folder])).rejects.toThrow(/no src\/testing\/fixtures\/no-such-golden/);
    await expect(main(['bamba-short', folder])).rejects.toThrow(/in the tree/);
  });
});

describe('random weights', () => {
  it('stay as they are where tensors are added, and differ from each other', async () => {
    const config = await readConfig();
    const three = await tensorsOf(config);
    const four = await tensorsOf({ ...config, num_hidden_layers: 4 });
    expect(four.size).toBeGreaterThan(three.size);
    for (const [name, bytes] of three) expect(four.get(name), name).toBe(bytes);
    expect(new Set(four.values()).size).toBe(four.size);
  });
});
