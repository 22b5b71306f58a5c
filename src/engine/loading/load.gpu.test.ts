import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Gpu } from '../../gpu/device.ts';
import { GREEDY } from '../../sampling.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { asciiIds, packTinyModel } from '../../testing/models/tiny-model.ts';
import { loadModel } from './load.ts';

// What happens beside what while a model is loaded, and who hears of what fails.

const CONTEXT = { contextLength: 128 };
const SHORT = asciiIds('Short.');
const LONG = asciiIds('This prompt is longer than what two short tiles of tokens hold.');

describe.skipIf(!hasAdapter)('loading', () => {
  const shared = { gpu: sharedGpu() };
  let gpu: Gpu;
  let restore: () => void;
  beforeEach(async () => {
    gpu = await Gpu.request(shared);
    const { device } = gpu;
    const createBuffer = device.createBuffer.bind(device);
    const createComputePipelineAsync = device.createComputePipelineAsync.bind(device);
    restore = () => Object.assign(device, { createBuffer, createComputePipelineAsync });
  });
  afterEach(() => restore());

  /** Has some pipelines fail. */
  const failing = (wrong: (descriptor: GPUComputePipelineDescriptor) => boolean) => {
    const create = gpu.device.createComputePipelineAsync.bind(gpu.device);
    gpu.device.createComputePipelineAsync = (descriptor) =>
      wrong(descriptor) ? Promise.reject(new Error('a fault of the compiler')) : create(descriptor);
  };

  test('compiles while weights are on their way, and tells of it when they are there', async () => {
    const source = await packTinyModel({ scheme: 'int8' });
    const events: string[] = [];
    failing(({ label = '' }) => {
      events.push(`compiling ${label}`);
      return false;
    });
    const model = await loadModel(
      gpu,
      {
        manifest: source.manifest,
        file: (name) => source.file(name),
        async shard(index, signal) {
          events.push('shard');
          return source.shard(index, signal);
        },
      },
      {
        ...CONTEXT,
        onUploaded: () => events.push('uploaded'),
        onCompiled: (ready, total) => events.push(ready === total ? 'all' : 'some'),
      },
    );
    const compiling = events.filter((event) => event.startsWith('compiling'));
    expect(compiling.length).toBeGreaterThan(20);
    expect(events.slice(0, compiling.length)).toEqual(compiling);
    // What a first token takes comes before what it does without.
    expect(compiling.indexOf('compiling sample')).toBeLessThan(compiling.indexOf('compiling normed_matvec_swiglu'));
    const rest = events.slice(compiling.length);
    expect(rest.indexOf('uploaded')).toBeLessThan(rest.findIndex((event) => event === 'some' || event === 'all'));
    expect(rest.at(-1)).toBe('all');
    model.dispose();
  });

  test('does not wait for what only long prompts take, and they hear of its faults', async () => {
    gpu.features.subgroups = false; // a processor's tiles are the same for all prompts
    failing(({ compute }) => compute.constants?.['LANES_T'] === 8);
    const model = await loadModel(gpu, await packTinyModel({ scheme: 'int8' }), CONTEXT);
    const fault = expect.objectContaining({ name: 'BambaError', code: 'gpu_failure' });
    for (let time = 0; time < 2; time++) await expect(model.prefill(LONG)).rejects.toThrow(fault);
    expect(model.state.position).toBe(0);
    await model.prefill(SHORT);
    expect(model.state.position).toBe(SHORT.length);
    model.dispose();
  });

  test('does not wait for what further tokens take, and they hear of its faults', async () => {
    failing(({ label }) => label === 'normed_matvec_swiglu');
    const model = await loadModel(gpu, await packTinyModel({ scheme: 'int8' }), CONTEXT);
    const fault = expect.objectContaining({ name: 'BambaError', code: 'gpu_failure' });
    await model.prefill(SHORT, { logits: true });
    const { ids } = await model.beginAnswer({ values: GREEDY, limit: 4, stopIds: [], promptIds: SHORT });
    expect(ids).toHaveLength(1);
    for (let time = 0; time < 2; time++) {
      await expect(model.reserve(SHORT.length + 1)).rejects.toThrow(fault);
      await expect(model.decode(1)).rejects.toThrow(fault);
      await expect(model.decodeStep({})).rejects.toThrow(fault);
    }
    model.dispose();
  });

  test('a first token without one of its programs fails the load', async () => {
    failing(({ label }) => label === 'sample');
    const loading = loadModel(gpu, await packTinyModel({ scheme: 'int8' }), CONTEXT);
    await expect(loading).rejects.toMatchObject({ name: 'BambaError', code: 'gpu_failure' });
    gpu.check();
  });

  test('without memory for the sequence fetches no more weights', async () => {
    const create = gpu.device.createBuffer.bind(gpu.device);
    gpu.device.createBuffer = (descriptor) => {
      const isState = descriptor.label?.startsWith('state / ');
      return create(isState ? { ...descriptor, size: 2 ** 50 } : descriptor);
    };
    const source = await packTinyModel();
    let ended = false;
    const shard = (_index: number, signal?: AbortSignal) =>
      new Promise<never>((_, reject) => {
        signal!.addEventListener('abort', () => {
          ended = true;
          reject(new Error('ended'));
        });
      });
    const stuck = { manifest: source.manifest, file: source.file.bind(source), shard };
    await expect(loadModel(gpu, stuck, CONTEXT)).rejects.toThrow(/the state of a sequence/);
    expect(ended).toBe(true);
    gpu.check();
  });
});
