import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FAMILY_CONFIGS } from '../testing/checkpoints/family-configs.ts';
import { ggufFamily } from '../testing/checkpoints/gguf/families.ts';
import { ggufOfCheckpoint } from '../testing/checkpoints/gguf-of-checkpoint.ts';
import { BUNDLED_GOLDEN, writeGolden } from '../testing/models/golden.ts';
import { randomCheckpoint } from '../testing/checkpoints/random-checkpoint.ts';
import { keepPrinted } from '../testing/printed.ts';
import { main } from './inspect.ts';
import { inspect } from './inspection.ts';

const lexicon = resolve(import.meta.dirname, '../../public/models/lexicon');

const output = keepPrinted();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bamba-web-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('inspect', () => {
  it('says what a checkpoint is', async () => {
    expect(await main([BUNDLED_GOLDEN, '--tokens', '1000'])).toBe(0);
    const text = output.join('\n');
    for (const part of [
      /^bamba-short: model type bamba, 1\.\d million parameters/,
      /A checkpoint of BF16 [\d.]+ MB/,
      /blocks +3: 2 of Mamba-2, SwiGLU; 1 of attention, SwiGLU/,
      /Mamba-2 +4 heads of 64, state 128, 1 group of B and C/,
      /attention +4 heads of 32, 1 for keys and values, positions turn 16 dimensions/,
      /conversation of 1,000 tokens/,
      /int4 .* 1 GB\n/,
      /type +1,024 tokens +4,096 tokens +32,768 tokens +131,072 tokens\n +f32 .* MB\n +f16 .* MB\n +int8 .* MB\n/,
      /blocks\.\*\.mamba2\.in_proj +772 x 128 +2 times/,
    ]) {
      expect(text).toMatch(part);
    }
  });

  it('says how positions are scaled, and what context follows', async () => {
    expect(await main([BUNDLED_GOLDEN, '--rope-scaling', 'yarn:4'])).toBe(0);
    expect(output.join('\n')).toMatch(/turn 16 dimensions \(scaled: yarn, 4 times from 4,096 tokens\)/);
    expect(output.join('\n')).toMatch(/context +16,384 tokens/);
  });

  it.each(['qwen3_next:', 'qwen3_5_moe_text:', 'granitemoe:', 'lfm2_moe:', 'phi3:'])(
    'says of a GGUF file what it says of its checkpoint: %s',
    async (family) => {
      const [, config] = Object.entries(FAMILY_CONFIGS).find(([name]) => name.startsWith(family))!;
      const files = randomCheckpoint({ ...config, ...ggufFamily(config)!.held });
      await writeFile(join(folder, 'x.gguf'), await ggufOfCheckpoint(files));
      const found = await inspect(join(folder, 'x.gguf'), 100);
      for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
      const { stored, sizes, tensors } = await inspect(folder, 100);
      expect(found).toMatchObject({ name: 'x', stored, sizes, tensors });
    },
  );

  it('says what the blocks of transformers are', async () => {
    for (const name of ['gemma2', 'olmo', 'olmo2', 'smollm3', 'bamba-biases']) {
      writeGolden(name, folder);
      expect(await main([folder])).toBe(0);
    }
    const text = output.join('\n');
    for (const part of [
      /2 of attention to the latest 24 tokens, an MLP gated by GELU by tanh; 2 of attention, an MLP gated by GELU by tanh/,
      /norms +RMSNorm before and behind branches/,
      /attention .*, scores within 5\nlogits +within 8\n/,
      /norms +LayerNorm before branches/,
      /, q, k and v within 1\n/,
      /norms +RMSNorm behind branches/,
      /, norms of q and k over their widths\n/,
      /3 of attention, SwiGLU; 1 of attention without positions, SwiGLU/,
      /biases +of q, k and v; o; MLPs; in_proj of Mamba-2; out_proj of Mamba-2\n/,
    ]) {
      expect(text).toMatch(part);
    }
  });

  it('lists every tensor with its sources where that is asked for', async () => {
    expect(await main([BUNDLED_GOLDEN, '--tensors'])).toBe(0);
    expect(output.join('\n')).toMatch(/blocks\.1\.attention\.o_proj +128 x 128 +model\.layers\.1\.self_attn\.o_proj/);
  });

  it('says what a package is, and what its model would take in other types', async () => {
    expect(await main([lexicon, '--json'])).toBe(0);
    const { stored, parameters, sizes, contexts, tokens } = JSON.parse(output.join('')) as Awaited<
      ReturnType<typeof inspect>
    >;
    expect(stored).toEqual({ kind: 'package', bytes: { int8: 35_427_840 } });
    expect({ parameters, tokens }).toEqual({ parameters: 34_914_536, tokens: 4096 });
    expect(sizes.map(({ scheme }) => scheme)).toEqual(['int4', 'int8', 'fp8', 'f16', 'f32']);
    const { memory } = sizes.find(({ scheme }) => scheme === 'int8')!;
    // On the GPU, time steps, decays and skips of each mixer lie in one buffer besides.
    expect(memory.weights).toBe(35_427_840 + 10 * 3 * 12 * 4);
    // Ten mixers of 12 heads of 64 by 128, with 4 columns of 1,024 channels; two layers of 2 times 64 keys and values
    // in f16.
    expect(memory.state).toBe(10 * 4 * (12 * 64 * 128 + 4 * 1024));
    expect(memory.keysAndValues).toBe(4096 * 2 * 2 * 2 * 2 * 64);
    expect(memory.total).toBe(memory.weights + memory.state + memory.keysAndValues + memory.working);
    // A block of int8 keys, 32 of them, has a scale of two bytes; 32 dimensions have angles.
    const ofToken = { f32: 2 * 2 * 2 * 64 * 4, f16: 2 * 2 * 2 * 64 * 2, int8: 2 * 2 * 2 * (64 + 4) };
    const expected = Object.entries(ofToken).map(([cacheType, bytes]) => ({
      cacheType,
      contexts: [1024, 4096, 32_768, 131_072].map((count) => ({
        tokens: count,
        bytes: memory.state + count * (bytes + 32 * 4),
      })),
    }));
    expect(contexts).toEqual(expected);
  });

  it('finds the graphics memory that a long conversation needs, if there is any', async () => {
    await cp(join(BUNDLED_GOLDEN, 'model.safetensors'), join(folder, 'model.safetensors'));
    const config = (await readFile(join(BUNDLED_GOLDEN, 'config.json'), 'utf8')).replace(
      '"max_position_embeddings": 4096',
      '"max_position_embeddings": 16000000',
    );
    await writeFile(join(folder, 'config.json'), config);
    const fits = async (tokens: number) => (await inspect(folder, tokens)).sizes.map((size) => size.fits);
    expect(await fits(1)).toEqual([1, 1, 1, 1, 1]);
    // A layer of one head of 32 keeps 128 bytes a token in f16, and angles of 16 dimensions take 64: 3.1 GB.
    expect(await fits(16_000_000)).toEqual([4, 4, 4, 4, 4]);
    // No more than the model allows.
    expect((await inspect(folder, 1e9)).tokens).toBe(16_000_000);
  });

  it.each<[string, string | null, RegExp]>([
    ['nothing in it', null, /neither a config\.json nor a manifest\.json/],
    ['a model of another type', '{"model_type": "gpt2"}', /"gpt2"; supported: bamba, /],
    ['a config that is none', '{', /config\.json/],
  ])('refuses a folder with %s', async (_, config, message) => {
    if (config !== null) {
      await writeFile(join(folder, 'config.json'), config);
      await writeFile(join(folder, 'model.safetensors'), new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]));
    }
    expect(await main([folder])).toBe(1);
    expect(output.join('\n')).toMatch(message);
  });

  it.each([[[]], [['a', 'b']], [['a', '--tokens', 'many']], [['a', '--typo']]])(
    'explains its use for the arguments %j',
    async (args) => {
      expect(await main(args)).toBe(2);
      expect(output.join('\n')).toMatch(/Usage/);
    },
  );
});
