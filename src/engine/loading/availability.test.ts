import 'fake-indexeddb/auto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serveHub, TestHub, testClock } from '../../testing/servers/test-hub.ts';
import { packTinyModel, tinyCheckpoint } from '../../testing/models/tiny-model.ts';
import { modelAvailability } from './availability.ts';
import type { ModelSource } from './find-model.ts';
import { openModel } from './open-model.ts';
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

/** A browser whose adapter binds so much at once. */
const gpuOf = (bytes: number): GPU =>
  ({
    requestAdapter: async () => ({ limits: { maxBufferSize: bytes, maxStorageBufferBindingSize: bytes } }),
  }) as unknown as GPU;

const find = (model: ModelSource, gpu = gpuOf(2 ** 28)) =>
  modelAvailability(model, { gpu, http: { clock: testClock() } });

const keep = async (model: ModelSource): Promise<void> => {
  const { source, close } = await openModel(model, { onProgress: () => {}, clock: testClock(), locks: null });
  for (let index = 0; index < source.manifest.shards.length; index++) await source.shard(index);
  close();
};

test('a repository is downloadable with the bytes of its tensors, and available once it is kept', async () => {
  const repo = { model: 'org/name', endpoint: server.endpoint };
  const found = await find(repo);
  const { length } = tinyCheckpoint()['model.safetensors']!;
  expect(found).toMatchObject({ status: 'downloadable' });
  const { bytes } = found as { bytes: number };
  expect(bytes).toBeGreaterThan(length * 0.9);
  expect(bytes).toBeLessThanOrEqual(length);
  // Looking stores nothing.
  expect(await storedModels()).toEqual([]);
  await keep(repo);
  const [stored] = await storedModels();
  await server.close();
  expect(await find(repo)).toEqual({ status: 'available', bytes: stored!.totalBytes });
  // Another type of the same model is not kept.
  await expect(find({ ...repo, dtype: 'int4' })).rejects.toMatchObject({ code: 'network' });
});

test('files of the disk are available, and what was made of them only while it is kept', async () => {
  const files = Object.entries(tinyCheckpoint()).map(([name, bytes]) => new File([new Uint8Array(bytes)], name));
  expect(await find({ model: 'mine', files })).toMatchObject({ status: 'available' });
  const gone = await find({ model: 'device:mine' });
  expect(gone).toMatchObject({ status: 'unavailable', reason: { code: 'config_invalid' } });
  await keep({ model: 'mine', files });
  expect(await find({ model: 'device:mine' })).toMatchObject({ status: 'available' });
});

test.each([
  ['without WebGPU', {} as GPU, 'webgpu_unavailable'],
  ['without an adapter', { requestAdapter: async () => null } as unknown as GPU, 'webgpu_unavailable'],
  ['with an adapter that cannot bind its tensors', gpuOf(64), 'adapter_limit'],
])('a model is unavailable %s, kept or not', async (_, gpu, code) => {
  const repo = { model: 'org/name', endpoint: server.endpoint };
  const given = 'requestAdapter' in gpu ? gpu : undefined;
  const look = () => modelAvailability(repo, { ...(given && { gpu: given }), http: { clock: testClock() } });
  expect(await look()).toMatchObject({
    status: 'unavailable',
    reason: { code, message: expect.any(String) as string },
  });
  await keep(repo);
  expect(await look()).toMatchObject({ status: 'unavailable', reason: { code } });
});

test('a model of an architecture that is not built is unavailable, and says so', async () => {
  const config = new TextEncoder().encode(JSON.stringify({ model_type: 'rwkv', architectures: ['Rwkv'] }));
  hub = new TestHub(new Map(Object.entries({ ...tinyCheckpoint(), 'config.json': config })));
  await server.close();
  server = await serveHub(hub);
  expect(await find({ model: 'org/name', endpoint: server.endpoint })).toMatchObject({
    status: 'unavailable',
    reason: { code: 'unsupported_model' },
  });
});

test('a package of another type than was asked for is an error, as when it is loaded', async () => {
  const { manifest } = await packTinyModel();
  const files = [new File([JSON.stringify(manifest)], 'manifest.json')];
  expect(await find({ model: 'mine', files })).toMatchObject({ status: 'available' });
  await expect(find({ model: 'mine', files, dtype: 'int4' })).rejects.toMatchObject({ code: 'setting_invalid' });
});

test('an address that has nothing, and options that are wrong, are errors', async () => {
  await expect(find({ model: `${server.endpoint}/nothing/` })).rejects.toMatchObject({ name: 'BambaError' });
  await expect(find({ model: 'org/name', dtype: 'int3' as never })).rejects.toMatchObject({ code: 'setting_invalid' });
});
