import { BufferSet, slice, wholeBuffers } from '../gpu/buffers.ts';
import { type DispatchSpec, Plan } from '../gpu/plan.ts';
import { passLength } from '../kernels/shared/pass-length.ts';
import { createActivations } from '../model/activations.ts';
import type { GpuWeights } from '../model/gpu-weights.ts';
import { prefillHead, promptParts, stepParts } from '../model/hybrid.ts';
import type { Rope } from '../architecture/architecture.ts';
import { Batch } from '../model/batch/batch.ts';
import type { Model } from '../model/model.ts';
import { ropeTable } from '../model/rope-table.ts';
import { Sampler } from '../model/sampler.ts';
import type { Scope } from '../model/scope.ts';
import type { Ceilings } from './ceilings.ts';
import { GREEDY } from '../sampling.ts';
import type { GpuTimer } from './timing.ts';
import { promptIds } from './speed.ts';
import { matrixColumns, type PassShape, workOf } from './traffic.ts';

/** Tokens that the answers of a batch may have: its steps are measured over and over, from one position. */
const MOST_STEPS = 64;

/** All dispatches of a pass that run the same kernel on the same shape. */
export interface ProfileRow {
  kernel: string;
  /** Of the matrix, `rows x columns`; empty for other kernels. */
  shape: string;
  /** Dispatches in a pass. */
  count: number;
  /** Of all of them in a pass, one after the other as in the pass. */
  seconds: number;
  bytes: number;
  flops: number;
  bytesPerS: number;
  flopsPerS: number;
  /** Least time by the measured ceilings over the time taken. */
  shareOfCeiling: number;
}

/** Where the time of a pass goes. */
export interface Profile {
  pass: 'decode' | 'prefill';
  tokens: number;
  /** That decode at once. */
  sequences: number;
  position: number;
  /** Of the whole pass, recorded over and over. */
  seconds: number;
  /** Sum of the rows. */
  sumSeconds: number;
  dispatches: number;
  /** The slowest first. */
  rows: ProfileRow[];
}

/**
 * Times the kernels of a pass over `tokens` tokens at `position`: 1 for a decode step, more for a chunk of a prompt.
 * Kernels of the same shape run one after the other over all blocks. So each finds its weights in memory as cold as in
 * a whole pass. The live sequence of the model, which must have room for the tokens, is used up.
 * @throws BambaError `out_of_memory`, `gpu_failure`, `device_lost`.
 */
export async function profilePass(
  model: Model,
  weights: GpuWeights,
  timer: GpuTimer,
  ceilings: Ceilings,
  options: { tokens: number; position: number; int8Activations: boolean },
): Promise<Profile> {
  const { gpu, architecture } = model;
  const { tokens, position } = options;
  const set = new BufferSet(gpu.device, 'profile');
  let plan: Plan | undefined;
  try {
    const { activations, sampler, rope, localRope } = await gpu.guarded('allocating memory to profile with', () => {
      const { int8Activations } = options;
      const { subgroupMatrices } = gpu.features;
      const own = createActivations(wholeBuffers(set), architecture, tokens, { int8Activations, subgroupMatrices });
      const angles = (turn: Rope | null = null) => {
        const table = ropeTable(turn, position + tokens);
        const buffer = set.storage('rope', table.byteLength);
        gpu.device.queue.writeBuffer(buffer, 0, table);
        return slice(buffer);
      };
      const sampling = new Sampler(gpu, set, own, architecture.vocabSize);
      const { rope: main, localRope: local } = architecture.attention ?? {};
      return { activations: own, sampler: sampling, rope: angles(main), localRope: angles(local ?? main) };
    });
    sampler.begin({ values: GREEDY, limit: 0xffffffff, stopIds: [], promptIds: [] });
    const { features } = gpu;
    const scope: Scope = {
      architecture,
      features,
      pass: passLength(tokens),
      weights,
      activations,
      blocks: model.state.blocks,
      rope,
      localRope,
      normed: true,
    };
    const specs =
      tokens === 1
        ? [...stepParts(scope).flat(), ...sampler.dispatches(features)]
        : [...promptParts(scope).flat(), ...prefillHead(scope)];
    const { pipelines } = model.promptPass(tokens);
    plan = await gpu.guarded('preparing a profile', () =>
      Plan.build(gpu.device, pipelines, activations.step.buffer, specs),
    );
    const rewind = () =>
      gpu.device.queue.writeBuffer(activations.step.buffer, 0, new Uint32Array([position, tokens, 0, 0]));
    const shape = { architecture, position, tokens, sequences: 1 };
    return await timeDispatches({ plan, specs }, shape, rewind, timer, ceilings);
  } finally {
    plan?.dispose();
    set.dispose();
  }
}

/**
 * As `profilePass`, for a step of `sequences` sequences, each at `position`. No prompt of that length is read. The model must
 * have room for it.
 * @throws BambaError `out_of_memory`, `gpu_failure`, `device_lost`.
 */
export async function profileBatch(
  model: Model,
  timer: GpuTimer,
  ceilings: Ceilings,
  { sequences, position }: { sequences: number; position: number },
): Promise<Profile> {
  const { architecture, state } = model;
  state.reset();
  await model.prefill([0], { logits: true });
  state.tokens = promptIds(position, architecture.vocabSize);
  const batch = await Batch.create(model, sequences);
  try {
    const settings = { values: GREEDY, limit: MOST_STEPS, stopIds: [], promptIds: [] };
    for (let joined = 0; joined < sequences; joined++) batch.go((await batch.join(settings)).slot);
    // So that there is memory for what is measured.
    await batch.step();
    const step = await batch.stepPlan(sequences);
    const shape = { architecture, position, tokens: 1, sequences };
    return await timeDispatches(step, shape, () => batch.rewind(position), timer, ceilings);
  } finally {
    batch.dispose();
    state.reset();
  }
}

/** @param rewind puts the sequences back to where the pass begins. */
async function timeDispatches(
  { plan, specs }: { plan: Plan; specs: readonly DispatchSpec[] },
  shape: PassShape,
  rewind: () => void,
  timer: GpuTimer,
  ceilings: Ceilings,
): Promise<Profile> {
  const { tokens, sequences = 1, position } = shape;
  const seconds = await timer.seconds((pass) => plan.record(pass, tokens), rewind);
  const rows: ProfileRow[] = [];
  for (const [key, indices] of grouped(specs)) {
    const taken = await timer.seconds((pass) => {
      for (const index of indices) plan.record(pass, tokens, index, index + 1);
    }, rewind);
    const [kernel = '', matrix = ''] = key.split(' ');
    const work = indices.map((index) => workOf(specs[index]!, shape));
    const bytes = work.reduce((sum, one) => sum + one.bytes, 0);
    const flops = work.reduce((sum, one) => sum + one.flops, 0);
    rows.push({
      kernel,
      shape: matrix,
      count: indices.length,
      seconds: taken,
      bytes,
      flops,
      bytesPerS: bytes / taken,
      flopsPerS: flops / taken,
      shareOfCeiling: Math.max(bytes / ceilings.readBytesPerS, flops / ceilings.f32FlopsPerS) / taken,
    });
  }
  return {
    pass: tokens === 1 ? 'decode' : 'prefill',
    tokens,
    sequences,
    position,
    seconds,
    sumSeconds: rows.reduce((sum, row) => sum + row.seconds, 0),
    dispatches: specs.length,
    rows: rows.toSorted((a, b) => b.seconds - a.seconds),
  };
}

/** Indices of the dispatches by `kernel shape`. */
function grouped(specs: readonly DispatchSpec[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [index, { kernel, params = {} }] of specs.entries()) {
    const { rows } = params;
    const shape = rows === undefined ? '' : `${rows}x${matrixColumns(params)}`;
    const key = `${kernel.name} ${shape}`;
    groups.set(key, [...(groups.get(key) ?? []), index]);
  }
  return groups;
}
