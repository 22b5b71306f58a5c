import { describe, expect, it } from 'vitest';
import { MODEL_TYPES } from '../architecture/config.ts';
import { missingFeatures } from './unsupported.ts';

const of = (config: object) => missingFeatures(new TextEncoder().encode(JSON.stringify(config)));

const LLAMA = {
  vocab_size: 96,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  torch_dtype: 'bfloat16',
  eos_token_id: 7,
};

describe('what is missing', () => {
  it('of an unknown model type is what no family reads, and the nearest is named', () => {
    const lines = of({ ...LLAMA, model_type: 'latent', kv_lora_rank: 512, q_lora_rank: null, use_sinks: false });
    expect(lines).toEqual([
      'No model type of bamba-web knows what these fields ask for:',
      '  kv_lora_rank: 512',
      expect.stringMatching(/^The nearest is \w+, which would take it for 3 of attention, .*\.$/),
    ]);
  });

  it('of a model with eyes is looked for in what concerns its text', () => {
    const lines = of({ model_type: 'seer', vision_config: { depth: 2 }, text_config: { ...LLAMA, decay_rank: 8 } });
    expect(lines).toContain('  decay_rank: 8');
    expect(lines.join()).not.toContain('vision');
  });

  it('of a known model type is what no family reads, and no other is named', () => {
    const lines = of({ ...LLAMA, model_type: 'llama', hidden_act: 'mish', shortcut_rank: 4 });
    expect(lines).toEqual(['No model type of bamba-web knows what these fields ask for:', '  shortcut_rank: 4']);
  });

  it('is nothing but the type where all fields are known', () => {
    expect(MODEL_TYPES).not.toContain('lama');
    expect(of({ ...LLAMA, model_type: 'lama' })).toEqual([expect.stringMatching(/^The nearest is /)]);
    expect(of({ model_type: 'lama' }).at(-1)).toMatch(/nearest|could be made/);
  });
});
