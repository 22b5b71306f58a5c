import {
  conv1dSelectiveStateUpdateGateToNorm,
  gatedSquares,
} from '../../kernels/mamba2/conv1d_selective_state_update_gate_to_norm.ts';
import { movingWidth, stateUpdatesDispatch } from '../../kernels/mamba2/conv1d_selective_state_updates_gate_to_norm.ts';
import { type Mamba2Dims, mamba2Widths } from '../../kernels/mamba2/mamba2-shape.ts';
import { selectiveStateAdvance } from '../../kernels/mamba2/selective_state_advance.ts';
import { randomTensor } from '../arbitrary.ts';
import type { TestGpu } from './device.ts';
import type { MixerState, MixerVectors } from './mamba2-cases.ts';
import { slotOutputs } from './slot-ranges.ts';

// A mixer that goes over several tokens of one sequence, moves its states by some of them, or takes the tokens one by one.

/** Random weights of the norm behind the gate. */
export const normWeightOf = (dims: Mamba2Dims) => randomTensor(77, mamba2Widths(dims).inner);

/** A mixer on the GPU. */
function mixerOf(gpu: TestGpu, vectors: MixerVectors, state: MixerState, dims: Mamba2Dims) {
  return {
    conv_weight: gpu.input(vectors.convWeight),
    conv_bias: gpu.input(vectors.convBias),
    heads: gpu.input([...vectors.dtBias, ...vectors.a, ...vectors.d]),
    norm_weight: gpu.input(normWeightOf(dims)),
    conv_state: gpu.output(state.conv),
    ssm_state: gpu.output(state.ssm),
  };
}

/** What became of tokens u (T, projected): their rows of u, their squares, and the states. */
export interface MixerOutcome {
  u: Float32Array[];
  squares: Float32Array[];
  conv: Float32Array;
  ssm: Float32Array;
}

/** All tokens of u in one pass from `position` on; the states then move by `accepted` of them, null for a pass alone. */
export async function overPositions(
  gpu: TestGpu,
  u: Float32Array,
  vectors: MixerVectors,
  state: MixerState,
  dims: Mamba2Dims,
  { position, accepted }: { position: number; accepted: number | null },
): Promise<MixerOutcome> {
  const { projected } = mamba2Widths(dims);
  const mixer = mixerOf(gpu, vectors, state, dims);
  const T = u.length / projected;
  const rows = Array.from({ length: T }, (_, t) => {
    const row = new Float32Array(movingWidth(dims));
    row.set(u.subarray(t * projected, (t + 1) * projected));
    return row;
  });
  const held = slotOutputs(gpu, rows);
  const squares = slotOutputs(
    gpu,
    rows.map(() => new Float32Array(gatedSquares(dims))),
  );
  const specs = rows.map((_, t) => {
    const buffers = { ...mixer, u: held.ranges[t]!, squares: squares.ranges[t]! };
    return conv1dSelectiveStateUpdateGateToNorm(gpu.features, 'test', buffers, dims);
  });
  await gpu.run(stateUpdatesDispatch(specs)!, { tokens: T, position });
  if (accepted !== null) {
    const moved = { u: held.ranges, conv_state: mixer.conv_state, ssm_state: mixer.ssm_state };
    await gpu.run(selectiveStateAdvance(gpu.features, 'test', moved, dims), { tokens: accepted, position });
  }
  return {
    u: (await held.read()).map((row) => row.subarray(0, projected)),
    squares: await squares.read(),
    conv: await gpu.read(mixer.conv_state),
    ssm: await gpu.read(mixer.ssm_state),
  };
}

/** The same tokens by the kernel of a single one, and the states behind the last. */
export async function oneByOne(
  gpu: TestGpu,
  u: Float32Array,
  vectors: MixerVectors,
  state: MixerState,
  dims: Mamba2Dims,
  position: number,
): Promise<MixerOutcome> {
  const { projected } = mamba2Widths(dims);
  const mixer = mixerOf(gpu, vectors, state, dims);
  const outcome = { u: [] as Float32Array[], squares: [] as Float32Array[] };
  for (let t = 0; t < u.length / projected; t++) {
    const row = gpu.output(u.subarray(t * projected, (t + 1) * projected));
    const squares = gpu.output(gatedSquares(dims));
    const spec = conv1dSelectiveStateUpdateGateToNorm(gpu.features, 'test', { ...mixer, u: row, squares }, dims);
    await gpu.run(spec, { tokens: 1, position: position + t });
    outcome.u.push(await gpu.read(row));
    outcome.squares.push(await gpu.read(squares));
  }
  return { ...outcome, conv: await gpu.read(mixer.conv_state), ssm: await gpu.read(mixer.ssm_state) };
}
