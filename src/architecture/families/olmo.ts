import type { TensorSpec } from '../../weights/types.ts';
import { readActivation } from '../activation-config.ts';
import type { Architecture } from '../architecture.ts';
import { readBiases } from '../biases-config.ts';
import type { ConfigReader } from '../config-reader.ts';
import { denseArchitecture, denseTensors } from '../dense.ts';

// model_type `olmo`: the first OLMo. Llama's blocks behind LayerNorms without weights, q, k and v clipped.

/** The class has it as a constant. */
const NORM_EPS = 1e-5;

/**
 * Architecture that the config of an OLMo model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  const isClipped = config.get('clip_qkv') !== undefined;
  return denseArchitecture(config, {
    family: 'olmo',
    rotary: { share: 1 },
    ...readActivation(config, ['hidden_act'], 'silu'),
    ...readBiases(config, { attention_bias: ['qkv', 'o_proj'] }),
    norm: 'layer',
    normEps: NORM_EPS,
    attention: isClipped ? { qkvLimit: config.number('clip_qkv', { above: 0 }) } : {},
  });
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  return denseTensors(architecture, { finalNorm: null, norm: () => null });
}
