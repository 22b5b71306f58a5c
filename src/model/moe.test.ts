import { describe, expect, it } from 'vitest';
import { parseArchitecture, parseConfig } from '../architecture/config.ts';
import { checkArchitecture } from './dims.ts';

// What a config with a mixture of experts becomes. What it computes is in random-models.gpu.test.ts.

const CONFIG = {
  model_type: 'granitemoehybrid',
  vocab_size: 100_352,
  hidden_size: 1536,
  num_hidden_layers: 3,
  layer_types: ['mamba', 'attention', 'mamba'],
  mamba_n_heads: 48,
  mamba_d_head: 64,
  mamba_d_state: 128,
  num_attention_heads: 12,
  num_key_value_heads: 4,
  shared_intermediate_size: 1024,
  intermediate_size: 512,
  num_local_experts: 64,
  num_experts_per_tok: 6,
  residual_multiplier: 0.22,
  tie_word_embeddings: true,
};
const parse = (fields: object = {}) => parseConfig(new TextEncoder().encode(JSON.stringify({ ...CONFIG, ...fields })));

describe('a mixture of experts', () => {
  const { architecture, tensors } = parse();
  const spec = (name: string) => tensors.find((tensor) => tensor.name === name)!;

  it('stands beside the MLP of every block', () => {
    expect(architecture.blocks).toEqual([
      [['mamba2'], ['swiglu', 'moe']],
      [['attention'], ['swiglu', 'moe']],
      [['mamba2'], ['swiglu', 'moe']],
    ]);
    expect(architecture).toMatchObject({
      intermediateSize: 1024,
      moe: { experts: 64, topK: 6, intermediateSize: 512 },
    });
    expect(() => checkArchitecture(architecture)).not.toThrow();
  });

  it('has a router in f32, and of every expert the rows of gate and up in turn', () => {
    expect(spec('blocks.1.moe.router')).toMatchObject({ shape: [64, 1536], kind: 'plain' });
    const gateUp = spec('blocks.1.moe.gate_up');
    expect(gateUp).toMatchObject({ shape: [64 * 1024, 1536], kind: 'matrix', arrange: 'interleave' });
    expect(gateUp.sources).toHaveLength(128);
    const name = 'model.layers.1.block_sparse_moe.input_linear.weight';
    expect(gateUp.sources.slice(2, 4)).toEqual([
      { name, shape: [64, 1024, 1536], rows: [1024, 1536] },
      { name, shape: [64, 1024, 1536], rows: [1536, 2048] },
    ]);
    expect(spec('blocks.1.moe.down')).toMatchObject({
      shape: [64 * 1536, 512],
      sources: [{ shape: [64, 1536, 512], factor: 0.22 }],
    });
  });

  it('survives a manifest, and is not there without experts', () => {
    expect(parseArchitecture(JSON.parse(JSON.stringify(architecture)))).toEqual(architecture);
    for (const none of [0, null]) {
      const dense = parse({ num_local_experts: none, num_experts_per_tok: 0 }).architecture;
      expect(dense).not.toHaveProperty('moe');
      expect(dense.blocks[0]).toEqual([['mamba2'], ['swiglu']]);
    }
  });

  it('is refused where it cannot be', () => {
    expect(() => parse({ num_experts_per_tok: 65 })).toThrow('num_experts_per_tok');
    expect(() => parse({ num_local_experts: -1 })).toThrow('num_local_experts');
    expect(() => parseArchitecture({ ...architecture, moe: undefined })).toThrow('mixtures of experts');
    const tooMany = { ...architecture, moe: { ...architecture.moe, topK: 65 } };
    expect(() => parseArchitecture(tooMany)).toThrow('65 of 64 experts');
    const crowd = { ...architecture, moe: { experts: 1000, topK: 6, intermediateSize: 512 } };
    expect(() => checkArchitecture(crowd)).toThrow('1000 experts');
  });
});
