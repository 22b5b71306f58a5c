import type { TensorSpec } from '../../weights/types.ts';
import { readActivation } from '../activation-config.ts';
import type { Architecture } from '../architecture.ts';
import { readBiases } from '../biases-config.ts';
import type { ConfigReader } from '../config-reader.ts';
import { blockCount, denseArchitecture, denseTensors, normNames } from '../dense.ts';

// model_type `olmo2`: norms behind attention and MLP instead of before them, and of q and k over their whole widths.

/**
 * Architecture that the config of an OLMo 2 model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  return denseArchitecture(config, {
    family: 'olmo2',
    rotary: { share: 1 },
    ...readActivation(config, ['hidden_act'], 'silu'),
    ...readBiases(config, { attention_bias: ['qkv', 'o_proj'] }),
    normPlaces: Array.from({ length: blockCount(config) }, () => 'after' as const),
    attention: { qkNorm: 'width' },
  });
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  return denseTensors(architecture, {
    postNorm: normNames({ mixer: 'post_attention_layernorm', mlp: 'post_feedforward_layernorm' }),
  });
}
