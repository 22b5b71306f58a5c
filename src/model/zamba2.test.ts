import { describe, expect, it } from 'vitest';
import { parseArchitecture, parseConfig } from '../architecture/config.ts';
import { checkArchitecture } from './dims.ts';

// What the config of a Zamba2 model becomes. What it computes is in random-models.gpu.test.ts.

/** Zamba2 2.7B's widths, in seven blocks. */
const CONFIG = {
  model_type: 'zamba2',
  vocab_size: 32_000,
  hidden_size: 2560,
  num_hidden_layers: 7,
  hybrid_layer_ids: [1, 3, 6],
  layers_block_type: ['mamba', 'hybrid', 'mamba', 'hybrid', 'mamba', 'mamba', 'hybrid'],
  num_mem_blocks: 2,
  adapter_rank: 128,
  intermediate_size: 10_240,
  n_mamba_heads: 80,
  mamba_headdim: 64,
  mamba_d_state: 64,
  mamba_ngroups: 1,
  num_attention_heads: 32,
  attention_head_dim: 160,
  max_position_embeddings: 4096,
};
const parse = (fields: object = {}) => parseConfig(new TextEncoder().encode(JSON.stringify({ ...CONFIG, ...fields })));

describe('Zamba2', () => {
  const { architecture, tensors } = parse();
  const sourcesOf = (name: string) =>
    tensors.find((tensor) => tensor.name === name)?.sources.map((source) => source.name);

  it('has Mamba-2 blocks, and beside some of them a shared transformer', () => {
    const [plain, hybrid] = [[['mamba2']], [['shared', 'mamba2']]];
    expect(architecture.blocks).toEqual([plain, hybrid, plain, hybrid, plain, plain, hybrid]);
    expect(architecture).toMatchObject({
      intermediateSize: 0,
      mamba2: { heads: 80, headDim: 64, stateSize: 64, normGroups: 1 },
      attention: { heads: 32, kvHeads: 32, headDim: 160, scale: 80 ** -0.5, rope: null },
      shared: { sets: 2, intermediateSize: 10_240, adapterRank: 128 },
      tiedHead: true,
    });
    expect(() => checkArchitecture(architecture)).not.toThrow();
  });

  it('takes each set of shared weights from the first block that uses it, and what is the block’s own from there', () => {
    const transformer = (layer: number) => `model.layers.${layer}.shared_transformer`;
    expect(sourcesOf('shared.0.o_proj')).toEqual([`${transformer(1)}.self_attn.o_proj.weight`]);
    expect(sourcesOf('shared.1.o_proj')).toEqual([`${transformer(3)}.self_attn.o_proj.weight`]);
    expect(sourcesOf('shared.2.o_proj')).toBeUndefined();
    const adapter = `${transformer(1)}.feed_forward.gate_up_proj_adapter_list.2`;
    expect(sourcesOf('blocks.6.shared.adapter_in')).toEqual([`${adapter}.0.weight`]);
    expect(sourcesOf('blocks.6.shared.adapter_out')).toEqual([`${adapter}.1.weight`, `${adapter}.1.weight`]);
    expect(sourcesOf('blocks.6.shared.linear')).toEqual(['model.layers.6.linear.weight']);
    expect(sourcesOf('blocks.6.mamba2.in_proj')).toEqual(['model.layers.6.mamba_decoder.mamba.in_proj.weight']);
    expect(sourcesOf('blocks.5.mamba2.in_proj')).toEqual(['model.layers.5.mamba.in_proj.weight']);
  });

  it('reads either list of its blocks, and says where two contradict each other', () => {
    expect(parse({ layers_block_type: undefined }).architecture).toEqual(architecture);
    expect(parse({ hybrid_layer_ids: undefined }).architecture).toEqual(architecture);
    expect(() => parse({ hybrid_layer_ids: [1, 3] })).toThrow('contradicts');
    expect(() => parse({ hybrid_layer_ids: [1, 3, 7] })).toThrow('hybrid_layer_ids');
    expect(() => parse({ hybrid_layer_ids: [], layers_block_type: undefined })).toThrow('hybrid_layer_ids');
  });

  it('turns whole heads where it has positions', () => {
    expect(parse({ use_mem_rope: true }).architecture.attention?.rope?.dims).toBe(160);
  });

  it('has adapters of q, k and v that read parts of one, where its config says so', () => {
    const { tensors } = parse({ use_shared_attention_adapter: true });
    const found = (name: string) => tensors.find((tensor) => tensor.name.endsWith(`.shared.${name}`))!;
    const [first, second, third] = found('qkv_adapter_out').sources;
    const rank = first!.shape[1]!;
    expect(found('qkv_adapter_in').shape[0]).toBe(3 * rank);
    expect([first, second, third].map((source) => source!.columns)).toEqual([
      [0, 3 * rank],
      [rank, 3 * rank],
      [2 * rank, 3 * rank],
    ]);
    expect(first!.name).toMatch(/self_attn\.linear_q_adapter_list\.0\.1\.weight$/);
    expect(tensors.some(({ name }) => name.endsWith('qkv_bias'))).toBe(false);
  });

  it('survives a manifest', () => {
    expect(parseArchitecture(JSON.parse(JSON.stringify(architecture)))).toEqual(architecture);
  });

  it('is refused where it cannot be', () => {
    expect(() => parse({ use_shared_mlp_adapter: false })).toThrow('use_shared_mlp_adapter');
    expect(() => parse({ hidden_act: 'silu' })).toThrow('hidden_act');
    expect(() => parse({ num_mem_blocks: 4 })).toThrow('3 blocks cannot take 4 sets');
    expect(() => parseArchitecture({ ...architecture, shared: undefined })).toThrow('shared transformers');
    const [plain] = architecture.blocks;
    for (const wrong of [[['mamba2', 'shared']], [['shared']]]) {
      expect(() => parseArchitecture({ ...architecture, blocks: [plain, ...architecture.blocks, wrong] })).toThrow(
        'before a mixer',
      );
    }
    expect(() => checkArchitecture(parse({ adapter_rank: 6 }).architecture)).toThrow('adapters, 6');
  });
});
