import type { TensorSpec } from '../../weights/types.ts';
import { readActivation } from '../activation-config.ts';
import type { Architecture } from '../architecture.ts';
import { readBiases } from '../biases-config.ts';
import type { ConfigReader } from '../config-reader.ts';
import { denseArchitecture, denseTensors } from '../dense.ts';

// model_type `llama`: the transformer that hybrid models are measured against, and the plainest of its kind.

/**
 * Architecture that the config of a Llama model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  return denseArchitecture(config, {
    family: 'llama',
    rotary: { share: config.number('partial_rotary_factor', { fallback: 1, above: 0, most: 1 }) },
    ...readActivation(config, ['hidden_act'], 'silu'),
    ...readBiases(config, { attention_bias: ['qkv', 'o_proj'], mlp_bias: ['mlp'] }),
  });
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  return denseTensors(architecture);
}
