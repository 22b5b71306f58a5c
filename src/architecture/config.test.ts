import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BambaError } from '../errors.ts';
import type { Architecture } from './architecture.ts';
import { checkPackageTensors, packageTensors, parseArchitecture, parseConfig } from './config.ts';

const encode = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

/** The published config of Bamba-9B, as far as it matters. */
const bamba9b = {
  architectures: ['BambaForCausalLM'],
  model_type: 'bamba',
  attn_layer_indices: [9, 18, 27],
  attn_rotary_emb: 64,
  hidden_act: 'silu',
  hidden_size: 4096,
  intermediate_size: 14336,
  mamba_chunk_size: 256,
  mamba_conv_bias: true,
  mamba_d_conv: 4,
  mamba_d_head: 64,
  mamba_d_state: 128,
  mamba_expand: 2,
  mamba_n_groups: 1,
  mamba_n_heads: 128,
  mamba_proj_bias: false,
  max_position_embeddings: 4096,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
  vocab_size: 128256,
};
const parse = (change: Record<string, unknown> = {}) => parseConfig(encode({ ...bamba9b, ...change }));
const layerTypes = (attention: string, other: string) =>
  Array.from({ length: 32 }, (_, i) => ([9, 18, 27].includes(i) ? attention : other));

describe('Bamba-9B', () => {
  const { architecture, tensors } = parse();

  it('has the shapes of its model card', () => {
    expect(architecture.blocks).toEqual(
      Array.from({ length: 32 }, (_, i) => [[[9, 18, 27].includes(i) ? 'attention' : 'mamba2'], ['swiglu']]),
    );
    expect(architecture).toMatchObject({
      family: 'bamba',
      vocabSize: 128256,
      hiddenSize: 4096,
      intermediateSize: 14336,
      mamba2: {
        heads: 128,
        headDim: 64,
        stateSize: 128,
        groups: 1,
        convWidth: 4,
        normGroups: 1,
        dtLimit: { lo: 0, hi: null },
      },
      attention: { heads: 32, kvHeads: 8, headDim: 128, scale: 1 / Math.sqrt(128), rope: { dims: 64 } },
      normEps: 1e-5,
      tiedHead: false,
      maxPositions: 4096,
    });
  });

  it('takes each of the 407 tensors of the checkpoint once, 9,780,235,392 parameters in all', () => {
    const sources = tensors.flatMap((tensor) => tensor.sources);
    expect(new Set(sources.map(({ name }) => name)).size).toBe(407);
    expect(sources).toHaveLength(407);
    const elements = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
    expect(sources.reduce((sum, { shape }) => sum + elements(shape), 0)).toBe(9_780_235_392);
    expect(tensors.reduce((sum, { shape }) => sum + elements(shape), 0)).toBe(9_780_235_392);
  });

  it('lists tensors in the order of use', () => {
    const names = tensors.map(({ name }) => name);
    expect(names[0]).toBe('embedding');
    expect(names.slice(-2)).toEqual(['final_norm', 'head']);
    const block = (index: number) => names.filter((name) => name.startsWith(`blocks.${index}.`));
    expect(block(0)).toEqual(
      [
        'norm',
        'mamba2.in_proj',
        'mamba2.conv1d_weight',
        'mamba2.conv1d_bias',
        'mamba2.dt_bias',
        'mamba2.a',
        'mamba2.d',
        'mamba2.norm',
        'mamba2.out_proj',
        'mlp_norm',
        'gate_up',
        'down',
      ].map((name) => `blocks.0.${name}`),
    );
    expect(block(9)).toEqual(
      ['norm', 'attention.qkv', 'attention.o_proj', 'mlp_norm', 'gate_up', 'down'].map((name) => `blocks.9.${name}`),
    );
  });

  it('makes ours of theirs', () => {
    const find = (name: string) => tensors.find((tensor) => tensor.name === name);
    expect(find('blocks.0.mamba2.in_proj')).toMatchObject({ shape: [16768, 4096], kind: 'matrix' });
    expect(find('blocks.0.mamba2.conv1d_weight')).toMatchObject({
      shape: [8448, 4],
      kind: 'plain',
      sources: [{ name: 'model.layers.0.mamba.conv1d.weight', shape: [8448, 1, 4] }],
    });
    expect(find('blocks.0.mamba2.a')).toMatchObject({ map: 'negate_exp', kind: 'plain', shape: [128] });
    expect(find('blocks.9.attention.qkv')).toMatchObject({ shape: [6144, 4096], arrange: 'stack' });
    expect(find('blocks.9.gate_up')).toMatchObject({
      shape: [28672, 4096],
      arrange: 'interleave',
      sources: [
        { name: 'model.layers.9.feed_forward.gate_proj.weight', shape: [14336, 4096] },
        { name: 'model.layers.9.feed_forward.up_proj.weight', shape: [14336, 4096] },
      ],
    });
  });
});

describe('parseConfig', () => {
  it('has no head where it is tied, and no source of a convolution bias that is not there', () => {
    expect(parse({ tie_word_embeddings: true }).tensors.at(-1)?.name).toBe('final_norm');
    const bias = (change: Record<string, unknown>) =>
      parse(change).tensors.find(({ name }) => name === 'blocks.0.mamba2.conv1d_bias');
    expect(bias({})?.sources).toHaveLength(1);
    expect(bias({ mamba_conv_bias: false })).toMatchObject({ shape: [8448], sources: [] });
  });

  it('takes layer types in all their spellings', () => {
    const { architecture } = parse();
    const indices = { attn_layer_indices: undefined };
    for (const field of ['layer_types', 'layers_block_type']) {
      expect(parse({ ...indices, [field]: layerTypes('attention', 'mamba') }).architecture).toEqual(architecture);
      expect(parse({ ...indices, [field]: layerTypes('full_attention', 'linear_attention') }).architecture).toEqual(
        architecture,
      );
    }
    expect(parse({ layer_types: layerTypes('attention', 'mamba') }).architecture).toEqual(architecture);
    expect(parse({ attn_layer_indices: null }).architecture.attention).toBeNull();
    expect(parse({ attn_layer_indices: [] }).architecture.blocks.flat(2)).not.toContain('attention');
    const allAttention = Array.from({ length: 32 }, (_, i) => i);
    expect(parse({ attn_layer_indices: allAttention }).architecture.mamba2).toBeNull();
  });

  it('takes infinity bare and wrapped, and leaves it alone in strings', () => {
    const text = JSON.stringify({ ...bamba9b, note: 'to Infinity "and \\" beyond' });
    const withLimit = (limit: string) => encode(`${text.slice(0, -1)}, "time_step_limit": ${limit}}`);
    const limitOf = (limit: string) => parseConfig(withLimit(limit)).architecture.mamba2?.dtLimit;
    expect(limitOf('[0.0, Infinity]')).toEqual({ lo: 0, hi: null });
    expect(limitOf('[0.5,\tInfinity ]')).toEqual({ lo: 0.5, hi: null });
    expect(limitOf('[0.001, {"__float__": "Infinity"}]')).toEqual({ lo: 0.001, hi: null });
    expect(limitOf('[0.001, 0.1]')).toEqual({ lo: 0.001, hi: 0.1 });
    for (const bad of ['[-Infinity, 1]', '[1, 1]', '[0]', '[0, "Infinity"]', '[NaN, 1]', '[0, Infinit]', '3']) {
      expect(() => parseConfig(withLimit(bad))).toThrow(expect.objectContaining({ code: 'config_invalid' }));
    }
  });

  it('derives head dimensions that are not given', () => {
    expect(parse({ mamba_d_head: 'auto' }).architecture).toEqual(parse().architecture);
    expect(parse({ head_dim: 64 }).architecture.attention).toMatchObject({ headDim: 64, rope: { dims: 32 } });
  });

  it.each<[string, Record<string, unknown>]>([
    ['vocab_size', { vocab_size: null }],
    ['vocab_size', { vocab_size: 0 }],
    ['vocab_size', { vocab_size: '128256' }],
    ['hidden_size', { hidden_size: -4096 }],
    ['hidden_size', { hidden_size: 4096.5 }],
    ['hidden_size', { hidden_size: 2 ** 40 }],
    ['intermediate_size', { intermediate_size: null }],
    ['num_hidden_layers', { num_hidden_layers: 1e9 }],
    ['attn_layer_indices', { attn_layer_indices: [32] }],
    ['attn_layer_indices', { attn_layer_indices: [-1] }],
    ['attn_layer_indices', { attn_layer_indices: '9' }],
    ['attn_layer_indices', { attn_layer_indices: [10], layer_types: layerTypes('attention', 'mamba') }],
    ['layer_types', { layer_types: ['mamba'] }],
    ['layer_types', { layer_types: layerTypes('attention', 'moe') }],
    ['num_key_value_heads', { num_key_value_heads: 5 }],
    ['num_attention_heads', { num_attention_heads: 24 }],
    ['head_dim', { head_dim: 66 }],
    ['mamba_n_heads', { mamba_n_heads: null }],
    ['mamba_d_head', { mamba_d_head: 63 }],
    ['mamba_n_groups', { mamba_n_groups: 3 }],
    ['mamba_d_state', { mamba_d_state: null }],
    ['rms_norm_eps', { rms_norm_eps: 0 }],
    ['rms_norm_eps', { rms_norm_eps: '1e-5' }],
    ['tie_word_embeddings', { tie_word_embeddings: 'no' }],
    ['mamba_conv_bias', { mamba_conv_bias: 1 }],
    ['rope_theta', { rope_theta: -1 }],
    ['max_position_embeddings', { max_position_embeddings: 'long' }],
    ['rope_scaling', { rope_scaling: [] }],
    ['quantization_config', { quantization_config: 'fp8' }],
  ])('names %s where it is not as it has to be: %j', (field, change) => {
    expect(() => parse(change)).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(field) as string }),
    );
  });

  it.each<[string, Record<string, unknown>]>([
    ['model type "gpt2"; supported: bamba', { model_type: 'gpt2' }],
    ['needs a delta rule with a decay for each channel of a key', { model_type: 'kimi_linear' }],
    ['supported: bamba', { model_type: undefined }],
    ['supported: bamba', { model_type: '__proto__' }],
    ['hidden_act', { hidden_act: 'gelu' }],
    ['mamba_d_conv', { mamba_d_conv: 3 }],
    ['partial_rotary_factor', { partial_rotary_factor: 1 }],
    ['partial_rotary_factor', { rope_parameters: { partial_rotary_factor: 0.25 } }],
    ['quant_method "bitsandbytes"', { quantization_config: { quant_method: 'bitsandbytes' } }],
    ['bits 3', { quantization_config: { quant_method: 'gptq', bits: 3 } }],
    ['version "gemv"', { quantization_config: { quant_method: 'awq', bits: 4, version: 'gemv' } }],
    ['format "marlin-24"', { quantization_config: { quant_method: 'compressed-tensors', format: 'marlin-24' } }],
    ['Load the checkpoint that it was made of', { quantization: { group_size: 64, bits: 4 } }],
    ['one of MLX', { quantization: { group_size: 64, bits: 4 } }],
  ])('says that it cannot do %s', (message, change) => {
    expect(() => parse(change)).toThrow(
      expect.objectContaining({ code: 'unsupported_model', message: expect.stringContaining(message) as string }),
    );
  });

  it.each([
    ['tensor', true],
    ['channel', true],
    ['block', true],
    [null, true],
    ['group', false],
  ])('judges compressed-tensors of strategy %s', (strategy, supported) => {
    const weights = { num_bits: 8, type: 'float', strategy, symmetric: true, dynamic: false };
    const change = {
      quantization_config: {
        quant_method: 'compressed-tensors',
        format: 'float-quantized',
        ignore: ['lm_head'],
        config_groups: { group_0: { targets: ['Linear'], weights } },
      },
    };
    if (supported) expect(parse(change).architecture).toEqual(parse().architecture);
    else expect(() => parse(change)).toThrow(expect.objectContaining({ code: 'unsupported_model' }));
  });

  it.each(['', '[]', 'null', '{', '{"model_type": "bamba"', '['.repeat(10_000), 'Infinity', '"\\'.repeat(100_000)])(
    'refuses a text that is no config (case %#)',
    (text) => {
      expect(() => parseConfig(encode(text))).toThrow(BambaError);
    },
  );

  it('gives a sound architecture or a typed error for any change of a field', { timeout: 60_000 }, () => {
    const value = fc.oneof(
      fc.integer({ min: -3, max: 300 }),
      fc.constantFrom(null, undefined, 0, 2 ** 53, 1e300, -0.5, '', 'x', true, false, [], {}, [1], [null], { a: 1 }),
      fc.jsonValue(),
    );
    const fields = [...Object.keys(bamba9b), 'time_step_limit', 'rope_scaling', 'rope_parameters', 'head_dim'];
    const change = fc.dictionary(fc.constantFrom(...fields), value, { minKeys: 1, maxKeys: 3 });
    fc.assert(
      fc.property(change, (changes) => {
        try {
          const { architecture } = parse(changes);
          expect(parseArchitecture(JSON.parse(JSON.stringify(architecture)))).toEqual(architecture);
        } catch (error) {
          expect(error).toBeInstanceOf(BambaError);
          expect(['config_invalid', 'unsupported_model']).toContain((error as BambaError).code);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the ends that a config names', () => {
  it.each([
    [2, [2]],
    [
      [128_001, 128_009, 2, 2],
      [128_001, 128_009, 2],
    ],
    [[-1, null, '2', 1.5, 7], [7]],
    [null, []],
    [undefined, []],
    ['</s>', []],
  ])('reads eos_token_id %j as %j', (eos, ids) => {
    expect(parse({ eos_token_id: eos }).stopIds).toEqual(ids);
  });

  it('unites them with those of a nested text_config', () => {
    expect(parse({ eos_token_id: 2, text_config: { eos_token_id: [3, 2] } }).stopIds).toEqual([2, 3]);
    expect(parse({ text_config: { eos_token_id: 5 } }).stopIds).toEqual([5]);
  });
});

describe('parseArchitecture', () => {
  const { architecture } = parse();
  const changed = (change: (copy: Architecture) => void) => {
    const copy = structuredClone(architecture);
    change(copy);
    return copy;
  };

  it('takes what parseConfig gives, through JSON', () => {
    expect(parseArchitecture(JSON.parse(JSON.stringify(architecture)))).toEqual(architecture);
  });

  it("takes a mixer's name for a block of it and a SwiGLU MLP, and factors of one that are not named", () => {
    const { embeddingScale, logitScale, ...rest } = architecture;
    expect([embeddingScale, logitScale]).toEqual([1, 1]);
    const short = { ...rest, blocks: architecture.blocks.map(([mixers]) => mixers?.[0]) };
    expect(parseArchitecture(JSON.parse(JSON.stringify(short)))).toEqual(architecture);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a list', []],
    ['another family', { ...architecture, family: 'gpt2' }],
    ['no blocks', { ...architecture, blocks: [] }],
    ['unknown blocks', { ...architecture, blocks: [[['gpt']]] }],
    ['too many blocks', { ...architecture, blocks: Array(5000).fill('mamba2') }],
    ['blocks without their shape', { ...architecture, attention: null }],
    ['a shape without its blocks', { ...architecture, blocks: [[['mamba2'], ['swiglu']]] }],
    ['MLPs without a width', { ...architecture, intermediateSize: 0 }],
    ['a width without MLPs', { ...architecture, blocks: [[['mamba2', 'attention']]] }],
    ['an empty block', { ...architecture, blocks: [...architecture.blocks, []] }],
    ['an empty sublayer', { ...architecture, blocks: [...architecture.blocks, [[]]] }],
    ['two mixing sublayers', { ...architecture, blocks: [...architecture.blocks, [['mamba2'], ['attention']]] }],
    ['the same branch twice', { ...architecture, blocks: [...architecture.blocks, [['mamba2', 'mamba2']]] }],
    ['a mixer beside an MLP', { ...architecture, blocks: [...architecture.blocks, [['mamba2', 'swiglu']]] }],
    ['MLPs of two sorts', { ...architecture, blocks: [...architecture.blocks, [['swiglu', 'relu2']]] }],
    ['a factor of zero', { ...architecture, logitScale: 0 }],
    ['a size of zero', { ...architecture, hiddenSize: 0 }],
    ['matrices beyond any device', { ...architecture, hiddenSize: 2 ** 24, intermediateSize: 2 ** 24 }],
    ['groups that do not divide', changed((a) => a.mamba2 && (a.mamba2.groups = 3))],
    ['norm groups that do not divide', changed((a) => a.mamba2 && (a.mamba2.normGroups = 3))],
    ['limits that do not ascend', changed((a) => a.mamba2 && (a.mamba2.dtLimit = { lo: 1, hi: 0.5 }))],
    ['KV heads that do not divide', changed((a) => a.attention && (a.attention.kvHeads = 5))],
    ['rotation beyond the head', changed((a) => a.attention?.rope && (a.attention.rope.dims = 130))],
    ['frequencies that lack', changed((a) => a.attention?.rope?.inverseFrequencies.pop())],
    ['an infinite frequency', changed((a) => a.attention?.rope?.inverseFrequencies.fill(Infinity))],
    ['a scale that is no number', changed((a) => a.attention && (a.attention.scale = NaN))],
  ])('refuses %s', (_, json) => {
    expect(() => parseArchitecture(json)).toThrow(expect.objectContaining({ code: 'manifest_invalid' }));
  });
});

describe('checkPackageTensors', () => {
  const { architecture } = parse();
  const entries = packageTensors(architecture).map(({ name, shape, kind }) => ({
    name,
    shape: [...shape],
    scheme: kind === 'matrix' ? ('int8' as const) : ('f32' as const),
    offset: 0,
    bytes: 0,
  }));
  const first = entries[0] as (typeof entries)[number];

  it('takes the tensors of the architecture', () => {
    expect(() => checkPackageTensors(architecture, entries)).not.toThrow();
  });

  it.each([
    ['a missing one', entries.slice(0, -1)],
    ['one too many', [...entries, { ...first, name: 'more' }]],
    ['another name', [{ ...first, name: 'embeddings' }, ...entries.slice(1)]],
    ['another shape', [{ ...first, shape: [4096, 128256] }, ...entries.slice(1)]],
    ['another order', entries.toReversed()],
    ['a quantized vector', entries.map((entry) => ({ ...entry, scheme: 'int8' as const }))],
  ])('refuses %s', (_, wrong) => {
    expect(() => checkPackageTensors(architecture, wrong)).toThrow(
      expect.objectContaining({ code: 'manifest_invalid' }),
    );
  });
});
