import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ggufOfCheckpoint } from '../../testing/checkpoints/gguf-of-checkpoint.ts';
import { serveHub, TestHub, testClock } from '../../testing/servers/test-hub.ts';
import { packTinyModel, tinyCheckpoint } from '../../testing/models/tiny-model.ts';
import { type ModelSource, openModel } from './open-model.ts';
import type { LoadProgress } from '../protocol.ts';
import { deleteUnlessLocked, storedModels } from './stored-models.ts';

let hub: TestHub;
let server: Awaited<ReturnType<typeof serveHub>>;

beforeEach(async () => {
  hub = new TestHub(new Map(Object.entries(tinyCheckpoint())));
  server = await serveHub(hub);
});
afterEach(async () => {
  await server.close();
  for (const { id } of await storedModels()) await deleteUnlessLocked(id, null);
});

/** Opens and loads a model; gives its scheme, name, source, and the stages that were reported. */
async function load(model: ModelSource) {
  const stages: string[] = [];
  const onProgress = ({ stage }: Partial<LoadProgress> & Pick<LoadProgress, 'stage'>) => stages.push(stage);
  const { source, close } = await openModel(model, { onProgress, clock: testClock(), locks: null });
  try {
    const shards: Uint8Array[] = [];
    for (let index = 0; index < source.manifest.shards.length; index++) shards.push(await source.shard(index));
    const { name, scheme, source: origin } = source.manifest;
    return { name, scheme, origin, stages, bytes: Buffer.concat(shards) };
  } finally {
    close();
  }
}

/** Files as a picker gives them. */
const asFiles = (files: Record<string, Uint8Array>) =>
  Object.entries(files).map(([name, bytes]) => new File([new Uint8Array(bytes)], name));

describe('openModel', () => {
  it('takes a repository, in int8 unless asked for another type', async () => {
    const repo = { model: 'org/name', endpoint: server.endpoint };
    const loaded = await load(repo);
    expect(loaded).toMatchObject({ name: 'name', scheme: 'int8', origin: { repo: 'org/name', revision: hub.commit } });
    expect(new Set(loaded.stages)).toEqual(new Set(['weights']));
    expect((await load({ ...repo, dtype: 'int4', revision: hub.commit })).scheme).toBe('int4');
    const stored = (await storedModels()).toSorted((left, right) => right.bytes - left.bytes);
    expect(stored).toMatchObject([
      { name: 'name', model: 'org/name', endpoint: server.endpoint, dtype: 'int8', commit: hub.commit, complete: true },
      { dtype: 'int4', revision: hub.commit, complete: true },
    ]);
    for (const { bytes, totalBytes } of stored) expect(bytes).toBe(totalBytes);
    // What the list says is what loads it again.
    await server.close();
    const { model, endpoint, dtype, revision } = stored[1]!;
    const again = await load({ model, dtype, ...(endpoint && { endpoint }), ...(revision && { revision }) });
    expect(again.scheme).toBe('int4');
  });

  it('takes a folder with a checkpoint, and one with a package', async () => {
    const url = new URL('plain/', server.endpoint).href;
    const checkpoint = await load({ model: url, dtype: 'f32' });
    expect(checkpoint).toMatchObject({ name: 'plain', scheme: 'f32' });
    const [stored] = await storedModels();
    expect(stored).toMatchObject({ model: url, dtype: 'f32', complete: true });

    const source = await packTinyModel({ scheme: 'fp8' });
    const { manifest } = source;
    hub.files = new Map([['manifest.json', new TextEncoder().encode(JSON.stringify(manifest))]]);
    for (const [index] of manifest.shards.entries()) hub.files.set(`shard-000${index}.bin`, await source.shard(index));
    for (const name of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json'] as const) {
      hub.files.set(name, await source.file(name));
    }
    expect(await load({ model: url })).toMatchObject({ name: 'tiny', scheme: 'fp8' });
    await expect(load({ model: url, dtype: 'int8' })).rejects.toMatchObject({ code: 'setting_invalid' });
    const picked = await load({ model: 'mine', files: asFiles(Object.fromEntries(hub.files)) });
    expect(picked).toMatchObject({ name: 'tiny', scheme: 'fp8' });
  });

  it('takes files from the disk, and keeps what they become', async () => {
    const first = await load({ model: 'mine', files: asFiles(tinyCheckpoint()) });
    expect(await storedModels()).toMatchObject([{ name: 'mine', model: 'device:mine', dtype: 'int8' }]);
    const again = await load({ model: 'device:mine' });
    expect(Buffer.compare(first.bytes, again.bytes)).toBe(0);
    await expect(load({ model: 'device:other' })).rejects.toMatchObject({ code: 'config_invalid' });
  });

  it('takes a GGUF file by its address, picked, and in a repository', async () => {
    const gguf = await ggufOfCheckpoint(tinyCheckpoint());
    const url = new URL('plain/tiny-f32.gguf', server.endpoint).href;
    hub.files = new Map([
      ['tiny-f32.gguf', gguf],
      ['README.md', new Uint8Array(1)],
    ]);
    const fromUrl = await load({ model: url });
    expect(fromUrl).toMatchObject({ name: 'tiny-f32', scheme: 'int8' });
    expect(await storedModels()).toMatchObject([{ model: url, dtype: 'int8', complete: true }]);
    const picked = await load({ model: 'mine', files: asFiles({ 'tiny-f32.gguf': gguf }) });
    const fromRepo = await load({ model: 'org/name', endpoint: server.endpoint });
    expect(fromRepo).toMatchObject({ name: 'name', origin: { repo: 'org/name', revision: hub.commit } });
    for (const { bytes } of [picked, fromRepo]) expect(Buffer.compare(bytes, fromUrl.bytes)).toBe(0);
    // What is stored loads without the file, and without asking what the repository has.
    const requests = hub.requests.length;
    await load({ model: 'device:mine' });
    expect(hub.requests).toHaveLength(requests);
    await server.close();
    const offline = await load({ model: 'org/name', endpoint: server.endpoint });
    expect(Buffer.compare(offline.bytes, fromUrl.bytes)).toBe(0);
  });

  it('asks which file of several is meant, and names a file that is cut short', async () => {
    const gguf = await ggufOfCheckpoint(tinyCheckpoint());
    hub.files = new Map([
      ['a.Q4_K_M.gguf', gguf],
      ['b.Q8_0.gguf', gguf],
      ['mmproj-f16.gguf', gguf],
    ]);
    await expect(load({ model: 'org/name', endpoint: server.endpoint })).rejects.toMatchObject({
      code: 'setting_invalid',
      message: expect.stringMatching(/2 GGUF files: a\.Q4_K_M\.gguf, b\.Q8_0\.gguf\. Give the address/) as string,
    });
    await expect(load({ model: 'x', files: asFiles({ 'x.gguf': gguf.slice(0, 1000) }) })).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringMatching(/x\.gguf .*cut short/) as string,
    });
  });

  it('explains the package where there is neither package nor checkpoint', async () => {
    const url = new URL('plain/', server.endpoint).href;
    hub.files = new Map();
    await expect(load({ model: url })).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/manifest\.json/) as string,
    });
    hub.files = new Map([['config.json', new TextEncoder().encode('{"model_type": "gpt2"}')]]);
    await expect(load({ model: url })).rejects.toMatchObject({ code: 'unsupported_model' });
  });

  it.each<[string, ModelSource]>([
    ['a type that there is not', { model: 'org/name', dtype: 'int3' as 'int4' }],
    ['an empty revision', { model: 'org/name', revision: '' }],
    ['an endpoint that is no address', { model: 'org/name', endpoint: 'hub' }],
  ])('refuses %s', async (_, model) => {
    await expect(load(model)).rejects.toMatchObject({ code: 'setting_invalid' });
  });
});

describe('deleteStoredModel', () => {
  it('leaves alone what a tab is downloading', async () => {
    await load({ model: 'mine', files: asFiles(tinyCheckpoint()) });
    const [stored] = await storedModels();
    const held = { request: <T>(_: string, __: object, work: (lock: object | null) => Promise<T>) => work(null) };
    await expect(deleteUnlessLocked(stored!.id, held)).rejects.toMatchObject({ code: 'busy' });
    expect(await storedModels()).toHaveLength(1);
    await deleteUnlessLocked(stored!.id, null);
    await deleteUnlessLocked(stored!.id, null);
    expect(await storedModels()).toEqual([]);
  });
});
