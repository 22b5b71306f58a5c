import { expect, it } from 'vitest';
import { randomTensor } from '../../testing/arbitrary.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { MOE_SHAPES, NONE, routes, words } from '../../testing/kernels/moe-cases.ts';
import { MOE_TILE, moeTiles, type MoeDims } from './moe-shape.ts';
import { moeGroup, moeGroupKernel } from './moe_group.ts';

describeGpu(moeGroupKernel, (gpu) => {
  async function expectGrouped(experts: Uint32Array, dims: MoeDims): Promise<void> {
    const tokens = experts.length / dims.topK;
    const tiles = moeTiles(dims, tokens);
    const pairs = gpu().output(tiles * MOE_TILE);
    const tileExperts = gpu().output(tiles);
    const buffers = { experts: gpu().input(experts), pairs, tile_experts: tileExperts };
    await gpu().run(moeGroup(gpu().features, 'test', buffers, dims), { tokens });
    const owners = [...words(await gpu().read(tileExperts))];
    const used = owners.includes(NONE) ? owners.indexOf(NONE) : tiles;
    expect(owners.slice(used).every((owner) => owner === NONE)).toBe(true);
    const found = words(await gpu().read(pairs)).subarray(0, used * MOE_TILE);
    const taken = [...found.keys()].filter((at) => found[at] !== NONE);
    // Every pair once, each in a tile of its expert, and no more tiles of an expert than it needs.
    expect(taken.map((at) => found[at]!).toSorted((a, b) => a - b)).toEqual([...experts.keys()]);
    expect(taken.every((at) => experts[found[at]!] === owners[Math.floor(at / MOE_TILE)])).toBe(true);
    for (let expert = 0; expert < dims.experts; expert++) {
      const count = experts.filter((chosen) => chosen === expert).length;
      expect(owners.filter((owner) => owner === expert).length, `tiles of ${expert}`).toBe(Math.ceil(count / MOE_TILE));
    }
  }

  it.each(MOE_SHAPES)('has every pair in a tile of its expert: $experts experts, $topK chosen', async (dims) => {
    for (const tokens of [1, 2, 15, 16, 17, 100, 256, 300]) {
      await expectGrouped(routes(randomTensor(tokens, tokens * dims.experts), dims).experts, dims);
    }
  });

  it('holds where all tokens go to the same experts', async () => {
    const dims = { experts: 8, topK: 3 };
    for (const chosen of [
      [0, 1, 2],
      [7, 0, 3],
      [5, 6, 7],
    ]) {
      for (const tokens of [1, 16, 40]) {
        await expectGrouped(
          Uint32Array.from({ length: 3 * tokens }, (_, pair) => chosen[pair % 3]!),
          dims,
        );
      }
    }
  });
});
