import { afterAll, beforeAll, describe, it } from 'vitest';
import { Gpu } from '../gpu/device.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { expectReferenceModel } from '../testing/random-model.ts';

// Models of a few families, small and of random weights, through all of the GPU's path.

const GRANITE_MOE = {
  model_type: 'granitemoehybrid',
  vocab_size: 96,
  hidden_size: 64,
  num_hidden_layers: 2,
  layer_types: ['mamba', 'attention'],
  mamba_n_heads: 4,
  mamba_d_head: 32,
  mamba_d_state: 16,
  mamba_expand: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  shared_intermediate_size: 68,
  intermediate_size: 36,
  num_local_experts: 9,
  num_experts_per_tok: 4,
  attention_multiplier: 0.125,
  embedding_multiplier: 3,
  residual_multiplier: 0.5,
  logits_scaling: 2,
  tie_word_embeddings: true,
};

const FALCON_MAMBA = {
  model_type: 'falcon_mamba',
  vocab_size: 96,
  hidden_size: 60,
  num_hidden_layers: 2,
  intermediate_size: 124,
  state_size: 16,
  time_step_rank: 'auto',
};

describe.skipIf(!hasAdapter)('a whole model', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await Gpu.request();
  });
  afterAll(() => gpu?.dispose());

  it.each([
    ['Granite 4.0-H with a mixture of experts', GRANITE_MOE],
    ['Falcon-Mamba', FALCON_MAMBA],
  ])('of %s is the reference', async (_, config) => {
    await expectReferenceModel(gpu, config);
  });
});
