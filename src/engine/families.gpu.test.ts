import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateIds } from '../generate/generate.ts';
import { readGenerationConfig, resolveSampling } from '../generate/sampling.ts';
import { Gpu } from '../gpu/device.ts';
import type { Model } from '../model/model.ts';
import { convColumns } from '../reference/conv1d.ts';
import { forward, type ForwardResult } from '../reference/forward.ts';
import { expectClose } from '../testing/close.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { readCheckpointModel } from '../testing/golden.ts';
import { randomCheckpoint } from '../testing/random-checkpoint.ts';
import { loadModel } from './load.ts';
import { packCheckpoint } from './pack-checkpoint.ts';

// A small model of every family from its config and a checkpoint of its own names, held to the reference in f64: the
// prompt in two pieces, an answer, and the states after both.

/** Sums of some hundred products in f32, over a few blocks. */
const CLOSE = { ofLargest: 2e-5 };
const GREEDY = resolveSampling({ temperature: 0 }, readGenerationConfig(undefined).sampling, Infinity);
const PROMPT = [3, 1, 4, 1, 5, 9, 2, 6, 5, 35];
const CUT = 6;
const ANSWER = 4;

const common = { vocab_size: 40, hidden_size: 32, intermediate_size: 48 };
const attention = { num_attention_heads: 4, num_key_value_heads: 2, head_dim: 16 };
const mamba = { mamba_n_heads: 4, mamba_d_head: 16, mamba_d_state: 16 };
const falcon = {
  ...common,
  ...attention,
  ...mamba,
  model_type: 'falcon_h1',
  num_hidden_layers: 2,
  mamba_d_ssm: 64,
  mamba_n_groups: 2,
  rope_theta: 1e11,
  embedding_multiplier: 5.65,
  lm_head_multiplier: 0.2,
  key_multiplier: 0.4,
  attention_in_multiplier: 1.5,
  attention_out_multiplier: 0.9,
  ssm_in_multiplier: 1.25,
  ssm_out_multiplier: 0.5,
  ssm_multipliers: [0.35, 0.25, 0.45, 0.5, 0.75],
  mlp_multipliers: [0.88, 0.58],
};

/** What is particular about each is in its name. */
const CONFIGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'llama: attention alone, wide heads, scaled positions, tied': {
    ...common,
    ...attention,
    model_type: 'llama',
    num_hidden_layers: 2,
    tie_word_embeddings: true,
    max_position_embeddings: 2048,
    rope_scaling: { rope_type: 'llama3', factor: 8, original_max_position_embeddings: 16 },
  },
  'mamba2: blocks without MLPs, two groups under one norm, no bias': {
    vocab_size: 40,
    hidden_size: 32,
    model_type: 'mamba2',
    num_hidden_layers: 3,
    num_heads: 4,
    head_dim: 16,
    state_size: 16,
    n_groups: 2,
    use_conv_bias: false,
  },
  'granitemoehybrid: factors everywhere': {
    ...common,
    ...attention,
    ...mamba,
    head_dim: undefined,
    model_type: 'granitemoehybrid',
    num_hidden_layers: 2,
    num_local_experts: 0,
    shared_intermediate_size: 24,
    layer_types: ['mamba', 'attention'],
    embedding_multiplier: 12,
    attention_multiplier: 0.0625,
    residual_multiplier: 0.25,
    logits_scaling: 6,
  },
  'nemotron_h: one sublayer a block, squared ReLU, a norm for each of two groups': {
    ...common,
    ...attention,
    model_type: 'nemotron_h',
    hybrid_override_pattern: 'M-*M-',
    mamba_num_heads: 4,
    mamba_head_dim: 8,
    ssm_state_size: 16,
    n_groups: 2,
  },
  'falcon_h1: mixers side by side, factors, a norm for each of two groups': { ...falcon, mamba_rms_norm: true },
  'falcon_h1: a gate without a norm': { ...falcon, mamba_rms_norm: false },
};

describe.skipIf(!hasAdapter)('a model of family', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await Gpu.request();
  });
  afterAll(() => gpu?.dispose());

  /** States of all blocks against those of the reference. */
  async function expectStates(model: Model, { state }: ForwardResult): Promise<void> {
    for (const [block, { mamba2, attention: cache }] of state.blocks.entries()) {
      const found = await model.readState(block);
      if (mamba2) {
        expectClose(found['ssm']!, mamba2.ssm, CLOSE, `ssm of block ${block}`);
        const columns = convColumns(found['conv']!, state.position);
        expectClose(columns, convColumns(mamba2.conv, state.position), CLOSE, `conv of block ${block}`);
      }
      if (cache) {
        expectClose(found['keys']!, cache.keys, CLOSE, `keys of block ${block}`);
        expectClose(found['values']!, cache.values, CLOSE, `values of block ${block}`);
      }
    }
  }

  test.each(Object.entries(CONFIGS))('%s', { timeout: 60_000 }, async (name, config) => {
    const checkpoint = randomCheckpoint(config);
    const { architecture, tensors } = await readCheckpointModel(checkpoint);
    const model = await loadModel(gpu, await packCheckpoint(checkpoint, 'f32', name));
    try {
      const logits: number[] = [];
      for (const piece of [PROMPT.slice(0, CUT), PROMPT.slice(CUT)]) logits.push(...(await model.forward(piece)).logits);
      const expected = forward(architecture, tensors, PROMPT);
      expectClose(logits, expected.logits, CLOSE, 'logits');
      await expectStates(model, expected);

      model.state.reset();
      await model.prefill(PROMPT, { logits: true });
      const answer: number[] = [];
      const settings = { values: GREEDY, limit: ANSWER, stopIds: [], promptIds: PROMPT };
      for await (const { ids } of generateIds(model, settings)) answer.push(...ids);
      expect(answer).toHaveLength(ANSWER);
      const all = forward(architecture, tensors, [...PROMPT, ...answer.slice(0, -1)]);
      await expectStates(model, all);
      const largest = all.logits.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      for (const [place, id] of answer.entries()) {
        const row = PROMPT.length - 1 + place;
        const choices = all.logits.subarray(row * architecture.vocabSize, (row + 1) * architecture.vocabSize);
        expect(Math.max(...choices) - choices[id]!, `token ${place}`).toBeLessThanOrEqual(2 * CLOSE.ofLargest * largest);
      }
    } finally {
      model.dispose();
    }
  });

  test('bamba decodes a block in five dispatches', { timeout: 60_000 }, async () => {
    const config = { ...common, ...mamba, ...attention, model_type: 'bamba', num_hidden_layers: 2 };
    const checkpoint = randomCheckpoint({ ...config, attn_layer_indices: [1] });
    const model = await loadModel(gpu, await packCheckpoint(checkpoint, 'f32', 'bamba'));
    try {
      for (const block of [0, 1]) {
        const labels = model.decodeDispatches.filter((label) => label.startsWith(`block ${block} /`));
        expect(labels).toHaveLength(5);
      }
    } finally {
      model.dispose();
    }
  });
});
