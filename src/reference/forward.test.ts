import { beforeAll, describe, expect, it } from 'vitest';
import { expectClose } from '../testing/close.ts';
import { fixtureFolder, GOLDENS } from '../testing/models/fixtures.ts';
import { BUNDLED_GOLDEN, type Golden, goldenFolders, goldenStage, loadGolden } from '../testing/models/golden.ts';
import { convColumns } from './conv1d.ts';
import { emptyState, forward, type ForwardResult } from './forward.ts';

// The independent implementation computes in f32: sums of some hundred products, over a few blocks, are this close.
const F32_MODEL = 5e-5;

/** Rows of (T, width) at the positions that a golden stores. */
function rowsAt(values: Float64Array, positions: ArrayLike<number>, tokens: number): Float64Array {
  const width = values.length / tokens;
  const rows = Array.from(positions, (t) => [...values.subarray(t * width, (t + 1) * width)]);
  return Float64Array.from(rows.flat());
}

function expectGolden({ architecture, results }: Golden, result: ForwardResult): void {
  const positions = results.get('logit_positions')!.values;
  const tokens = results.get('input_ids')!.values.length;
  const expectTensor = (name: string, actual: ArrayLike<number>) =>
    expectClose(actual, results.get(name)!.values, { ofLargest: F32_MODEL }, name);
  expectTensor('logits', rowsAt(result.logits, positions, tokens));
  const stages = [...result.hidden, result.normed];
  for (const n of [...architecture.blocks.keys(), architecture.blocks.length]) {
    expectTensor(`hidden.${n}`, rowsAt(stages[goldenStage(architecture, n)]!, positions, tokens));
  }
  for (const [n, block] of result.state.blocks.entries()) {
    if (!results.has(`state.${n}.ssm`) && !results.has(`state.${n}.key_last`)) continue;
    if (block.mamba2) {
      expectTensor(`state.${n}.ssm`, block.mamba2.ssm);
      // Theirs is (channels, 4), of which the last three columns are what the next token needs, oldest first.
      const { values, shape } = results.get(`state.${n}.conv`)!;
      const channels = shape.at(-2)!;
      const theirs = Float64Array.from({ length: 3 * channels }, (_, i) => {
        return values[(i % channels) * 4 + 1 + Math.floor(i / channels)]!;
      });
      // Before the third token the columns of absent tokens are zeros in both.
      expectClose(convColumns(block.mamba2.conv, tokens), theirs, { ofLargest: F32_MODEL }, `state.${n}.conv`);
    }
    if (block.attention) {
      const width = architecture.attention!.kvHeads * architecture.attention!.headDim;
      expectTensor(`state.${n}.key_last`, block.attention.keys.subarray(-width));
      expectTensor(`state.${n}.value_last`, block.attention.values.subarray(-width));
    }
  }
}

describe('forward on the bundled golden', () => {
  let golden: Golden;
  let whole: ForwardResult;
  let ids: number[];
  beforeAll(async () => {
    golden = await loadGolden(BUNDLED_GOLDEN);
    ids = [...golden.results.get('input_ids')!.values];
    whole = forward(golden.architecture, golden.tensors, ids);
  });

  it('gives its logits, hidden states and final states', () => {
    expectGolden(golden, whole);
  });

  it('continues greedily as it does', () => {
    const expected = golden.results.get('greedy')!.values;
    const margin = golden.results.get('greedy_margin')!.values;
    // At a smaller margin f32 may choose otherwise.
    expect(margin[0]).toBeGreaterThan(1e-3);
    let { logits, state } = whole;
    for (let step = 0; step < expected.length && margin[step]! >= 1e-3; step++) {
      const last = logits.subarray(-golden.architecture.vocabSize);
      expect(last.indexOf(last.reduce((most, value) => Math.max(most, value)))).toBe(expected[step]);
      ({ logits, state } = forward(golden.architecture, golden.tensors, [expected[step]!], state));
    }
  });

  it('gives the same in parts, to rounding', () => {
    for (const split of [1, 2, 3, 4]) {
      const first = forward(golden.architecture, golden.tensors, ids.slice(0, split));
      const second = forward(golden.architecture, golden.tensors, ids.slice(split), first.state);
      expectClose([...first.logits, ...second.logits], whole.logits, { ofLargest: 1e-12 }, `split at ${split}`);
      expect(second.state.position).toBe(ids.length);
      for (const [n, block] of second.state.blocks.entries()) {
        const expected = whole.state.blocks[n]!;
        if (expected.mamba2) expectClose(block.mamba2!.ssm, expected.mamba2.ssm, { ofLargest: 1e-12 });
        if (expected.attention) expectClose(block.attention!.keys, expected.attention.keys, { ofLargest: 1e-12 });
      }
    }
  });

  it('leaves the state that it starts from as it is', () => {
    const before = forward(golden.architecture, golden.tensors, ids.slice(0, 2)).state;
    const copy = structuredClone(before);
    forward(golden.architecture, golden.tensors, ids.slice(2), before);
    expect(before).toEqual(copy);
  });

  it('names a tensor that is missing', () => {
    const tensors = new Map([...golden.tensors].filter(([name]) => name !== 'blocks.1.attention.qkv'));
    expect(() => forward(golden.architecture, tensors, ids)).toThrow('blocks.1.attention.qkv');
    expect(() => forward(golden.architecture, golden.tensors, [512])).toThrow('Id 512');
    expect(emptyState(golden.architecture).position).toBe(0);
  });
});

describe('forward on the goldens in the tree', () => {
  it.each(GOLDENS)('%s', { timeout: 300_000 }, async (name) => {
    const golden = await loadGolden(fixtureFolder(name));
    expectGolden(golden, forward(golden.architecture, golden.tensors, golden.results.get('input_ids')!.values));
  });
});

const folders = goldenFolders();
if (folders.length === 0)
  console.warn('BAMBA_GOLDENS is not set: the reference is held to the goldens in the tree alone.');

describe.skipIf(folders.length === 0)('forward on the goldens of BAMBA_GOLDENS', () => {
  it.each(folders.length > 0 ? folders : ['none is named'])('%s', { timeout: 300_000 }, async (folder) => {
    const golden = await loadGolden(folder);
    const ids = golden.results.get('input_ids')!.values;
    expectGolden(golden, forward(golden.architecture, golden.tensors, ids));
  });
});
