import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkPackageTensors, parseArchitecture, parseConfig } from '../architecture/config.ts';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { serveHub, TestHub } from '../testing/servers/test-hub.ts';
import { GOLDENS } from '../testing/models/fixtures.ts';
import { goldenFolders, writeGolden } from '../testing/models/golden.ts';
import { keepPrinted } from '../testing/printed.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import { PACKAGE_FILES } from '../weights/manifest.ts';
import { dequantizeMatrix } from '../weights/quantize.ts';
import { safetensorsBytes, testTensor, type TestTensors } from '../testing/checkpoints/test-checkpoint.ts';
import { TENSOR_MAPS, type TensorSpec } from '../weights/types.ts';
import { convert, main } from './convert.ts';
import { folderSource, openPackageFolder } from '../tools/models/folder.ts';

const root = resolve(import.meta.dirname, '../..');
/** Folder of the checkpoint that the committed package was made from. */
const lexicon = process.env['BAMBA_LEXICON'] ?? '';

let folder: string;
const output = keepPrinted();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bamba-web-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const config = {
  model_type: 'bamba',
  vocab_size: 20,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  attn_layer_indices: [1],
  num_attention_heads: 2,
  num_key_value_heads: 1,
  mamba_n_heads: 4,
  mamba_d_head: 4,
  mamba_d_state: 6,
  tie_word_embeddings: false,
};

/** Writes a checkpoint with random weights for `config` into the folder. */
async function writeCheckpoint(change: Record<string, unknown> = {}): Promise<void> {
  const text = JSON.stringify({ ...config, ...change });
  const { tensors } = parseConfig(new TextEncoder().encode(JSON.stringify(config)));
  const checkpoint: TestTensors = {};
  let seed = 1;
  for (const { name, shape } of tensors.flatMap(({ sources }) => sources)) {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Float32Array.from({ length: count }, () => Math.sin(seed++ * 78.233));
    checkpoint[name] = testTensor('F32', [...shape], values);
  }
  await writeFile(join(folder, 'model.safetensors'), safetensorsBytes(checkpoint));
  await writeFile(join(folder, 'config.json'), text);
  await writeFile(join(folder, 'tokenizer.json'), '{"model": {}}');
}

/** Bytes of one tensor of a package. */
async function tensorBytes(source: PackageSource, name: string): Promise<Uint8Array> {
  const entry = source.manifest.tensors.find((tensor) => tensor.name === name);
  if (!entry) throw new Error(`no tensor ${name}`);
  const bytes = new Uint8Array(entry.bytes);
  let shardBegin = 0;
  for (const [index, { bytes: length }] of source.manifest.shards.entries()) {
    const begin = Math.max(entry.offset, shardBegin);
    const end = Math.min(entry.offset + entry.bytes, shardBegin + length);
    if (begin < end) {
      const shard = await source.shard(index);
      bytes.set(shard.subarray(begin - shardBegin, end - shardBegin), begin - entry.offset);
    }
    shardBegin += length;
  }
  return bytes;
}

/** The true values of a tensor, read from the checkpoint by its spec, row by row. */
async function expectedRows(
  checkpoint: Checkpoint,
  { sources, arrange, map, shape }: TensorSpec,
): Promise<Float32Array> {
  const parts = await Promise.all(
    sources.map(async ({ name, shape: own, rows, every = 1, columns: place, factor = 1 }) => {
      // Rows of all dimensions but the last: those of experts follow each other.
      const count = own.length > 1 ? own.slice(0, -1).reduce((product, size) => product * size, 1) : own[0]!;
      const width = own.length > 1 ? own.at(-1)! : 1;
      const [begin, end] = rows ?? [0, count];
      const [at, of] = place ?? [0, width];
      const values = await checkpoint.readRows(name, 0, count);
      const taken = new Float64Array(Math.ceil((end - begin) / every) * of);
      for (let row = begin, to = at; row < end; row += every, to += of) {
        taken.set(values.subarray(row * width, (row + 1) * width), to);
      }
      return new Float32Array(taken.map((value) => value * factor));
    }),
  );
  const flat = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  const append = (values: Float32Array) => {
    flat.set(values, filled);
    filled += values.length;
  };
  const columns = shape[1] ?? 1;
  if (arrange === 'stack') for (const part of parts) append(part);
  else {
    // Two and two: gate and up of an MLP, or of each expert.
    for (let pair = 0; pair < parts.length; pair += 2) {
      for (let at = 0; at < parts[pair]!.length; at += columns) {
        for (const part of parts.slice(pair, pair + 2)) append(part.subarray(at, at + columns));
      }
    }
  }
  expect(filled).toBe(flat.length);
  return map ? flat.map(TENSOR_MAPS[map]) : flat;
}

/** A tensor that is no matrix: rows begin at whole words of four numbers. */
function plainValues(stored: Uint8Array, rows: number, columns: number): Float32Array {
  const values = new Float32Array(stored.buffer);
  const stride = columns > 1 ? Math.ceil(columns / 4) * 4 : 1;
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    return values[Math.floor(at / columns) * stride + (at % columns)]!;
  });
}

/** Compares every tensor of a package with the checkpoint that it was made from. */
async function expectFaithful(source: PackageSource, from: string): Promise<void> {
  const checkpoint = await Checkpoint.open(folderSource(from));
  const { architecture, tensors } = parseConfig(await readFile(join(from, 'config.json')));
  expect(parseArchitecture(source.manifest.architecture)).toEqual(architecture);
  expect(() => checkPackageTensors(architecture, source.manifest.tensors)).not.toThrow();
  for (const spec of tensors) {
    const stored = await tensorBytes(source, spec.name);
    const truth = await expectedRows(checkpoint, spec);
    const [rows = 1, columns = 1] = spec.shape;
    const matrix = spec.kind === 'matrix';
    const scheme = source.manifest.tensors.find(({ name }) => name === spec.name)!.scheme;
    const actual = matrix ? dequantizeMatrix(scheme, stored, rows, columns) : plainValues(stored, rows, columns);
    let worst = 0;
    for (let row = 0; row < (matrix ? rows : 1); row++) {
      const width = matrix ? columns : truth.length;
      const slice = truth.subarray(row * width, (row + 1) * width);
      const largest = slice.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
      for (let i = 0; i < width; i++) {
        worst = Math.max(worst, Math.abs((actual[row * width + i] as number) - (slice[i] as number)) / largest);
      }
    }
    // Of the row's largest weight: half a step, and roundings to f32. The range of an int4 group is up to twice that.
    const allowed = matrix
      ? { f32: 0, f16: 2 ** -11, int8: 0.5 / 127, fp8: 16 / 448, int4: 0.504 * (2 / 15) }[scheme]
      : 0;
    expect(worst, `${spec.name} as ${scheme}`).toBeLessThanOrEqual(allowed + 1e-6);
  }
}

describe('convert', () => {
  it.each(['f32', 'f16', 'int8', 'fp8', 'int4'] as const)(
    'makes a package of %s that stands for the checkpoint',
    async (scheme) => {
      await writeCheckpoint();
      const out = join(folder, 'deep/out');
      expect(await main([folder, out, '--dtype', scheme, '--name', 'Tiny'])).toBe(0);
      expect(output.join('\n')).toMatch(new RegExp(`Tiny: .* as ${scheme}`));
      const source = await openPackageFolder(out);
      expect(source.manifest).toMatchObject({ name: 'Tiny', scheme });
      expect(new TextDecoder().decode(await source.file('tokenizer.json'))).toBe('{"model": {}}');
      await expectFaithful(source, folder);
    },
  );

  it('puts questions to begin with into the manifest, and refuses what is none', async () => {
    await writeCheckpoint();
    const out = join(folder, 'out');
    const file = join(folder, 'questions.json');
    const run = async (text: string) => {
      await writeFile(file, text);
      return main([folder, out, '--dtype', 'f32', '--suggestions', file]);
    };
    const questions = ['Why?', ['What?', 'And then?']];
    expect(await run(JSON.stringify(questions))).toBe(0);
    expect((await openPackageFolder(out)).manifest.suggestions).toEqual(questions);
    for (const [text, sentence] of [
      ['no JSON', /has to be JSON/],
      ['{"a": 1}', /damaged: suggestions/],
      ['[[]]', /damaged: suggestions/],
      ['["", 7]', /damaged: suggestions/],
    ] as const) {
      expect(await run(text)).toBe(1);
      expect(output.at(-1)).toMatch(sentence);
    }
  });

  it('takes a repository, and remembers its commit', async () => {
    await writeCheckpoint();
    const names = ['config.json', 'model.safetensors', 'tokenizer.json'];
    const files = await Promise.all(
      names.map(async (name) => [name, new Uint8Array(await readFile(join(folder, name)))] as const),
    );
    const hub = new TestHub(new Map(files));
    const server = await serveHub(hub);
    try {
      const out = join(folder, 'out');
      expect(await main(['org/name', out, '--dtype', 'f32', '--endpoint', server.endpoint])).toBe(0);
      await expectFaithful(await openPackageFolder(out), folder);
      const { source, name } = (await openPackageFolder(out)).manifest;
      expect([source, name]).toEqual([{ repo: 'org/name', revision: hub.commit }, 'name']);
      const gone = ['--endpoint', server.endpoint, '--revision', 'gone'];
      expect(await main(['org/name', out, '--dtype', 'f32', ...gone])).toBe(1);
      expect(output.join('\n')).toMatch(/no such repository or revision/);
    } finally {
      await server.close();
    }
  });

  it('replaces an older package, and its shards, and leaves other files alone', async () => {
    await writeCheckpoint();
    const out = join(folder, 'out');
    await convert(folder, out, 'f32', 'Tiny');
    await writeFile(join(out, 'shard-0007.bin'), 'stale');
    await writeFile(join(out, 'README.md'), 'a card');
    await convert(folder, out, 'int8', 'Tiny');
    expect((await readdir(out)).toSorted()).toEqual(
      ['README.md', 'manifest.json', 'shard-0000.bin', 'tokenizer.json'].toSorted(),
    );
    await expectFaithful(await openPackageFolder(out), folder);
  });

  it('leaves no manifest behind when it fails', async () => {
    await writeCheckpoint();
    const out = join(folder, 'out');
    await convert(folder, out, 'f32', 'Tiny');
    await writeFile(join(folder, 'model.safetensors'), safetensorsBytes({}));
    expect(await main([folder, out, '--dtype', 'f32'])).toBe(1);
    expect(output.join('\n')).toMatch(/no tensor model\.embed_tokens\.weight/);
    await expect(openPackageFolder(out)).rejects.toMatchObject({ code: 'manifest_invalid' });
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['another architecture', { model_type: 'gpt2' }, /"gpt2"; supported: bamba, falcon_h1/],
    ['a config of another model', { intermediate_size: 13 }, /shape \[12, 8\], but by config\.json it is \[13, 8\]/],
    ['a broken field', { hidden_size: -8 }, /hidden_size/],
  ])('says what is wrong with %s', async (_, change, message) => {
    await writeCheckpoint(change);
    expect(await main([folder, join(folder, 'out'), '--dtype', 'int8'])).toBe(1);
    expect(output.join('\n')).toMatch(message);
  });

  it.each([
    [[], /Two folders/],
    [['a'], /Two folders/],
    [['a', 'b', 'c', '--dtype', 'int8'], /Two folders/],
    [['a', 'b'], /--dtype has to be one of f32, f16, int8, fp8, int4/],
    [['a', 'b', '--dtype', 'int3'], /--dtype/],
    [['a', 'b', '--typo'], /--typo/],
    [['a', './a', '--dtype', 'int8'], /different folders/],
  ])('explains its use for the arguments %j', async (args, message) => {
    expect(await main(args)).toBe(2);
    expect(output.join('\n')).toMatch(message);
    expect(output.join('\n')).toMatch(/Usage/);
  });

  it('says that a folder holds no checkpoint', async () => {
    expect(await main([join(folder, 'nothing'), join(folder, 'out'), '--dtype', 'int8'])).toBe(1);
    expect(output.join('\n')).toMatch(/no config\.json/);
    expect(await main(['--help'])).toBe(0);
  });

  const goldens = [
    ...GOLDENS.map((name) => ({ name, place: null })),
    ...goldenFolders().map((place) => ({ name: basename(place), place })),
  ];
  it.each(goldens)('converts $name faithfully', { timeout: 60_000 }, async ({ name, place }) => {
    if (!place) writeGolden(name, folder);
    const from = place ?? folder;
    for (const scheme of ['f32', 'fp8'] as const) {
      const out = join(folder, scheme);
      await convert(from, out, scheme, name);
      await expectFaithful(await openPackageFolder(out), from);
    }
  });
});

describe('the package of Lexicon', () => {
  it('is whole', { timeout: 60_000 }, async () => {
    const source = await openPackageFolder(join(root, 'public/models/lexicon'));
    for (const file of PACKAGE_FILES) if (source.manifest.files[file]) await source.file(file);
    for (let i = 0; i < source.manifest.shards.length; i++) await source.shard(i);
    checkPackageTensors(parseArchitecture(source.manifest.architecture), source.manifest.tensors);
    expect(source.manifest).toMatchObject({ name: 'Lexicon', scheme: 'int8', parameters: 34_914_536 });
    expect(Object.keys(source.manifest.files)).toEqual([
      'tokenizer.json',
      'tokenizer_config.json',
      'generation_config.json',
    ]);
  });

  it.skipIf(!existsSync(lexicon))(
    'is what its checkpoint converts to, byte for byte',
    { timeout: 120_000 },
    async () => {
      const committed = join(root, 'public/models/lexicon');
      const manifest = await convert(lexicon, folder, 'int8', 'Lexicon');
      expect(manifest).toEqual(JSON.parse(await readFile(join(committed, 'manifest.json'), 'utf8')));
    },
  );
});
