import { describe, expect, it } from 'vitest';
import { parseArchitecture, parseConfig } from '../architecture/config.ts';
import { checkArchitecture } from './dims.ts';

// What the config of Falcon-Mamba becomes. What it computes is in random-models.gpu.test.ts.

const CONFIG = {
  model_type: 'falcon_mamba',
  vocab_size: 65_024,
  hidden_size: 4096,
  num_hidden_layers: 64,
  intermediate_size: 8192,
  expand: 16,
  state_size: 16,
  time_step_rank: 256,
  conv_kernel: 4,
  use_bias: false,
  use_conv_bias: true,
  layer_norm_epsilon: 1e-5,
  mixer_rms_eps: 1e-6,
  tie_word_embeddings: false,
};
const parse = (fields: object = {}) => parseConfig(new TextEncoder().encode(JSON.stringify({ ...CONFIG, ...fields })));

describe('Falcon-Mamba', () => {
  const { architecture, tensors } = parse();

  it('is blocks of a Mamba-1 mixer alone, with the parameters of its model card', () => {
    expect(architecture.blocks).toEqual(Array.from({ length: 64 }, () => [['mamba1']]));
    expect(architecture).toMatchObject({
      mamba1: { inner: 8192, stateSize: 16, dtRank: 256, normEps: 1e-6 },
      mamba2: null,
      attention: null,
      intermediateSize: 0,
    });
    expect(() => checkArchitecture(architecture)).not.toThrow();
    const parameters = tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
    expect(parameters).toBe(7_272_665_088);
  });

  it('takes the inner width and the rank from the model width where they are not given', () => {
    const auto = parse({ intermediate_size: undefined, expand: 2, time_step_rank: 'auto' });
    expect(auto.architecture).toEqual(architecture);
  });

  it('has biases of both projections where its config says so', () => {
    const biases = parse({ use_bias: true }).tensors.filter(({ name }) => /^blocks\.0\..*_proj_bias$/.test(name));
    expect(biases.map(({ name, shape }) => [name, ...shape])).toEqual([
      ['blocks.0.mamba1.in_proj_bias', 16_384],
      ['blocks.0.mamba1.out_proj_bias', 4096],
    ]);
  });

  it('has zeros for a bias of the convolution that it lacks', () => {
    const bias = parse({ use_conv_bias: false }).tensors.find(({ name }) => name === 'blocks.0.mamba1.conv1d_bias');
    expect(bias).toMatchObject({ shape: [8192], sources: [] });
  });

  it('fills a rank up to fours: with rows that are there, and columns of zeros', () => {
    const narrow = parse({ hidden_size: 96, intermediate_size: 192, time_step_rank: 6 });
    expect(() => checkArchitecture(narrow.architecture)).not.toThrow();
    const tensor = (name: string) => narrow.tensors.find((spec) => spec.name === `blocks.0.mamba1.${name}`)!;
    expect(tensor('x_proj').shape).toEqual([8 + 32, 192]);
    expect(tensor('x_proj').sources.map(({ rows }) => rows)).toEqual([
      [0, 6],
      [0, 1],
      [0, 1],
      [6, 22],
      [22, 38],
    ]);
    expect(tensor('dt_proj')).toMatchObject({ shape: [192, 8], sources: [{ shape: [192, 6], columns: [0, 8] }] });
  });

  it('survives a manifest', () => {
    expect(parseArchitecture(JSON.parse(JSON.stringify(architecture)))).toEqual(architecture);
  });

  it('is refused where it cannot be', () => {
    expect(() => parse({ conv_kernel: 3 })).toThrow('conv_kernel');
    expect(() => parse({ time_step_rank: 'many' })).toThrow('time_step_rank');
    expect(() => parseArchitecture({ ...architecture, mamba1: undefined })).toThrow('Mamba-1 blocks');
    expect(() => checkArchitecture(parse({ intermediate_size: 6 }).architecture)).toThrow('Mamba-1 mixers, 6');
    expect(() => checkArchitecture(parse({ state_size: 512 }).architecture)).toThrow('512, is above 256');
  });
});
