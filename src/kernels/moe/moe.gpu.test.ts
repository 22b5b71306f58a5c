import { it } from 'vitest';
import { add } from '../../reference/add.ts';
import { moe } from '../../reference/moe.ts';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { goingToNorm, residualStream } from '../../testing/kernels/to-norm-cases.ts';
import { f32Product } from '../projections/matmul.ts';
import { MOE_TILE, moeTiles } from './moe-shape.ts';
import { moeCombine } from './moe_combine.ts';
import { moeGroup } from './moe_group.ts';
import { moeMatmul } from './moe_matmul.ts';
import { moeMatvecAddToNorm } from './moe_matvec_add_to_norm.ts';
import { moeRoute } from './moe_route.ts';
import { moeRouteNormedMatvecSwiglu, moeRouteNormedMatvecSwigluKernel } from './moe_route_normed_matvec_swiglu.ts';
import { normedMatvec } from '../projections/normed_matvec.ts';
import { passLength } from '../shared/pass-length.ts';
import { multiplyRows } from '../projections/projection.ts';

// The kernels of a mixture one after the other, as prefill and decode have them, against the mixture as a whole. Each has
// its own test of how near it must be; here a wrong expert or share would show.

const [E, C, F] = [9, 24, 20];
const dims = { experts: E, topK: 4 };
const EPS = 1e-5;
const CLOSE = { ofLargest: 2e-6 };

describeGpu(moeRouteNormedMatvecSwigluKernel, (gpu) => {
  /** Cut inside of an expert. */
  const mixture = () => ({
    router: gpu().matrix('f32', randomTensor(1, E * C, 0.5), C),
    gateUp: gpu().matrix('f32', randomTensor(2, E * 2 * F * C, 0.5), C, [148]),
    down: gpu().matrix('f32', randomTensor(3, E * C * F, 0.5), F, [40]),
  });
  const reference = (n: ArrayLike<number>, { router, gateUp, down }: ReturnType<typeof mixture>) =>
    moe(n, { router: router.weights, first: gateUp.weights, down: down.weights, topK: dims.topK }, C);

  const routing = { product: f32Product, action: 'set' } as const;
  const gateUp = { action: 'swiglu', input: 'tokens', normed: true } as const;
  const down = { action: 'set', input: 'pairs', normed: false } as const;

  it('is the mixture over many tokens', async () => {
    for (const tokens of [1, 3, 60]) {
      const { features } = gpu();
      const pass = passLength(tokens);
      const weights = mixture();
      const n = randomTensor(4, tokens * C);
      const before = randomTensor(5, tokens * C);
      const h = gpu().input(n);
      const x = gpu().output(before);
      const logits = gpu().output(tokens * E);
      const experts = gpu().output(tokens * dims.topK);
      const shares = gpu().output(tokens * dims.topK);
      const tiles = {
        pairs: gpu().output(moeTiles(dims, tokens) * MOE_TILE),
        tile_experts: gpu().output(moeTiles(dims, tokens)),
      };
      const inner = gpu().output(tokens * dims.topK * F);
      const y = gpu().output(tokens * dims.topK * C);
      const specs = [
        ...multiplyRows(features, 'test', routing, { x: h, weights: weights.router, y: logits }, { pass }),
        moeRoute(features, 'test', { logits, experts, shares }, dims),
        moeGroup(features, 'test', { experts, ...tiles }, dims),
        ...moeMatmul(features, 'test', { x: h, ...tiles, weights: weights.gateUp, y: inner }, dims, gateUp),
        ...moeMatmul(features, 'test', { x: inner, ...tiles, weights: weights.down, y }, dims, down),
        moeCombine(features, 'test', { y, shares, x }, { columns: C, topK: dims.topK }),
      ];
      await gpu().run(specs, { tokens });
      expectClose(await gpu().read(x), add(before, reference(n, weights)), CLOSE, `${tokens} tokens`);
    }
  });

  it('is the mixture over one token', async () => {
    const { features } = gpu();
    const weights = mixture();
    const n = randomTensor(6, C);
    const normWeight = randomTensor(9, C);
    const { h, squares, count } = goingToNorm(gpu(), n, normWeight);
    const before = randomTensor(7, C);
    const stream = residualStream(gpu(), before, randomTensor(8, C));
    const [logits, experts, inner] = [gpu().output(E), gpu().output(dims.topK), gpu().output(dims.topK * F)];
    const norm = { squares: count, eps: EPS };
    const swiglu = { logits, h, squares, weights: weights.gateUp, experts, y: inner };
    const specs = [
      ...normedMatvec(features, 'test', { h, squares, weights: weights.router, y: logits }, norm),
      ...moeRouteNormedMatvecSwiglu(features, 'test', swiglu, dims, norm),
      ...moeMatvecAddToNorm(features, 'test', { v: inner, experts, weights: weights.down, ...stream }, dims),
    ];
    await gpu().run(specs, { tokens: 1 });
    expectClose(await gpu().read(stream.x), add(before, reference(rmsNorm(n, normWeight, EPS), weights)), CLOSE);
  });
});
