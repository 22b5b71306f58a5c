import { describe, expect, it } from 'vitest';
import type { Gpu } from '../../gpu/device.ts';
import { parseConfig } from '../../architecture/config.ts';
import { fixtureFolder } from '../../testing/models/fixtures.ts';
import { memorySource } from '../../weights/byte-source.ts';
import { safetensorsBytes, testTensor, type TestTensors } from '../../testing/checkpoints/test-checkpoint.ts';
import { type Golden, readGolden } from '../../tools/models/golden.ts';
import { byPosition, fromGolden, ringColumns, stateTensor } from './expectation.ts';
import { allWays, fewWays, stepsOf } from './passes.ts';
import { count, formatRow, jsonRow, summary } from './table.ts';
import { difference } from './tensors.ts';
import { type Result, type Row, verifyFolder } from './verify-folder.ts';

// The rows of goldens that lack a part, and the measure of errors. Whole models are in goldens.gpu.test.ts.

const { architecture } = parseConfig(
  new TextEncoder().encode(
    JSON.stringify({
      model_type: 'bamba',
      vocab_size: 8,
      hidden_size: 8,
      intermediate_size: 8,
      num_hidden_layers: 2,
      attn_layer_indices: [1],
      num_attention_heads: 2,
      num_key_value_heads: 1,
      mamba_n_heads: 4,
      mamba_d_head: 4,
      mamba_d_state: 4,
    }),
  ),
);

const floats = (...shape: number[]) =>
  testTensor('F32', shape, new Float32Array(shape.reduce((product, size) => product * size, 1)));
const integers = (...values: number[]) => ({
  dtype: 'I32',
  shape: [values.length],
  data: new Uint8Array(Int32Array.from(values).buffer),
});
/** Three tokens, of which two are kept. */
const whole: TestTensors = {
  input_ids: integers(1, 2, 3),
  logit_positions: integers(0, 2),
  logits: floats(2, 8),
  'hidden.0': floats(2, 8),
  'state.0.conv': floats(24, 4),
  'state.1.key_last': floats(1, 4),
  greedy: integers(4),
  greedy_margin: floats(1),
};
const read = (tensors: TestTensors): Promise<Golden> =>
  readGolden(memorySource({ 'golden.safetensors': safetensorsBytes(tensors) }));
const without = (...names: string[]): TestTensors =>
  Object.fromEntries(Object.entries(whole).filter(([name]) => !names.includes(name)));

describe('a golden', () => {
  it('is what a model is held to', async () => {
    const { tensors, positions, greedy } = fromGolden(await read(whole), architecture);
    expect([...tensors.keys()]).toEqual(['logits', 'hidden.0', 'state.0.conv', 'state.1.key_last']);
    expect(tensors.get('state.0.conv')!.values).toHaveLength(24 * 3);
    expect(positions).toEqual([0, 2]);
    expect(greedy).toEqual({ ids: [4], margins: [0] });
  });

  it('may lack hidden states, states and a continuation', async () => {
    const bare = without('hidden.0', 'state.0.conv', 'state.1.key_last', 'greedy', 'greedy_margin');
    const { tensors, greedy } = fromGolden(await read(bare), architecture);
    expect([...tensors.keys()]).toEqual(['logits']);
    expect(greedy).toBeNull();
  });

  it.each<[string, TestTensors, RegExp]>([
    ['without logits', without('logits'), /no tensor logits/],
    ['without tokens', { ...whole, input_ids: integers() }, /no tokens/],
    ['with a position that no token has', { ...whole, logit_positions: integers(0, 3) }, /position 3.* 3 tokens/],
    ['with logits of another vocabulary', { ...whole, logits: floats(2, 9) }, /18 values of logits/],
    ['with a state of a block that is not there', { ...whole, 'state.2.ssm': floats(4, 4, 4) }, /block 2.* 2 blocks/],
    [
      'with a state that the block does not keep',
      { ...whole, 'state.1.ssm': floats(4) },
      /state\.1\.ssm.*no such state/,
    ],
    ['with a state of no known kind', { ...whole, 'state.0.memory': floats(4) }, /state\.0\.memory/],
    ['with hidden states of more blocks', { ...whole, ...hiddenUpTo(3) }, /hidden\.3.* 2 blocks/],
  ])('%s is refused in a sentence', async (_, tensors, sentence) => {
    const compared = async () => fromGolden(await read(tensors), architecture);
    await expect(compared()).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringMatching(sentence),
    });
  });
});

function hiddenUpTo(last: number): TestTensors {
  return Object.fromEntries(Array.from({ length: last + 1 }, (_, index) => [`hidden.${index}`, floats(2, 8)]));
}

describe('a row', () => {
  const result: Result = {
    logits: 1e-6,
    hidden: null,
    states: null,
    splits: null,
    splitsMade: 0,
    decode: 2e-6,
    steps: 9,
    channels: { worst: 3e-6, judged: 3, channels: 4 },
    greedy: null,
    positions: 5,
    statesCompared: 0,
    tolerance: 2e-4,
    channelTolerance: 2e-4,
    beyond: 256,
    pass: true,
  };
  const row: Row = { case: 'bare', dtype: 'f32', result };

  it('says what was not compared, to people and to programs', () => {
    const text = formatRow(row);
    expect(text.match(/not in this golden/g)).toHaveLength(3);
    expect(text).toMatch(/^pass .*too short to split.*, 9 steps.* of 75 %.*beyond the 256 positions/);
    const absent = 'not in this golden';
    expect(jsonRow(row)).toMatchObject({
      hidden: absent,
      states: absent,
      greedy: absent,
      splits: 'too short to split',
    });
    const undecided = { ...result, greedy: { equal: 0, decided: 0, tokens: 7 } };
    expect(formatRow({ ...row, result: undecided })).toContain('none of 7 decided');
  });

  it('fails with a sentence where a folder is broken, and the others are run', async () => {
    const rows: Row[] = [];
    // It does not come to a GPU.
    const options = { schemes: ['f32', 'int8'] as const, tolerance: null };
    for (const folder of ['/nowhere/at-all', `${fixtureFolder('bamba-short')}/..`]) {
      for await (const found of verifyFolder(undefined as unknown as Gpu, folder, options)) rows.push(found);
    }
    expect(rows).toHaveLength(4);
    expect(formatRow(rows[0]!)).toMatch(/^FAIL {2}at-all .*no golden\.safetensors/);
    expect(jsonRow(rows[0]!)).toMatchObject({ case: 'at-all', dtype: 'f32', pass: false });
  });

  it('adds to what the last line counts', () => {
    const greedy = { equal: 5, decided: 6, tokens: 7 };
    const failed = { ...result, greedy, statesCompared: 3, splitsMade: 2, pass: false };
    const rows: Row[] = [row, { ...row, case: 'other', result: failed }, { case: 'gone', dtype: 'f32', fault: 'No.' }];
    expect(summary(count(rows))).toBe(
      '1 of 3 within tolerance. Checked: 3 folders, 10 positions, 3 states, 6 greedy tokens decided, 2 splits made, 18 decode steps',
    );
  });
});

describe('difference', () => {
  it('is of the largest value, and of each channel by its own', () => {
    const expected = byPosition(Float32Array.of(100, 0.01, -50, 0.02), 2);
    const { ofLargest, ofChannels } = difference(byPosition(Float32Array.of(100, 0.01, -50, 0.03), 2), expected);
    expect(ofLargest).toBeCloseTo(1e-4, 9);
    expect(ofChannels[0]).toBe(0);
    expect(ofChannels[1]).toBeCloseTo(0.5, 5);
  });

  it('is infinite where sizes differ, a value is no number, or something is where nothing should be', () => {
    const expected = byPosition(Float32Array.of(1, 2), 2);
    expect(difference(byPosition(Float32Array.of(1), 1), expected).ofLargest).toBe(Infinity);
    expect(difference(byPosition(Float32Array.of(1, NaN), 2), expected).ofLargest).toBe(Infinity);
    const zeros = byPosition(Float32Array.of(0, 0), 2);
    expect(difference(byPosition(Float32Array.of(0, 1e-9), 2), zeros).ofLargest).toBe(Infinity);
    expect(difference(zeros, zeros).ofLargest).toBe(0);
  });

  it('takes a row of a state for a channel', () => {
    const state = (values: number[]) => stateTensor(architecture, 0, 'ssm', Float32Array.from(values));
    const { ofChannels } = difference(state([1, 1, 1, 2, 4, 4, 4, 4]), state([1, 1, 1, 1, 4, 4, 4, 4]));
    expect([...ofChannels]).toEqual([1, 0]);
  });
});

describe('ways through a prompt', () => {
  it.each([1, 2, 5, 64, 70, 300])('of %d tokens run each token once', (tokens) => {
    for (const { splits, steps } of [allWays(tokens), fewWays(tokens)]) {
      for (const way of [...splits, ...steps]) {
        expect(way.reduce((sum, piece) => sum + piece.tokens, 0)).toBe(tokens);
        expect(way.every((piece) => piece.tokens > 0)).toBe(true);
      }
      for (const way of splits) expect(stepsOf(way)).toBe(0);
      if (tokens > 3) for (const way of steps) expect(stepsOf(way)).toBeGreaterThan(0);
    }
    expect(Math.max(...allWays(tokens).steps.map(stepsOf))).toBe(tokens);
  });

  it('read a ring of past inputs from the oldest on', () => {
    // Position 6: columns 3, 0, 1 hold the inputs of positions 3, 4, 5.
    const ring = Float32Array.of(4, 40, 5, 50, 2, 20, 3, 30);
    expect([...ringColumns(ring, 6, 3)]).toEqual([3, 4, 5, 30, 40, 50]);
  });
});
