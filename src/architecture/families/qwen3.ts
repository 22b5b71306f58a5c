import type { TensorSpec } from '../../weights/types.ts';
import { readActivation } from '../activation-config.ts';
import type { Architecture } from '../architecture.ts';
import { readBiases } from '../biases-config.ts';
import type { ConfigReader } from '../config-reader.ts';
import { denseArchitecture, denseTensors } from '../dense.ts';
import { upperWindows } from '../flagged-windows.ts';

// model_type `qwen3`: Llama's blocks with norms of q and k over each head.

/**
 * Architecture that the config of a Qwen3 model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  return denseArchitecture(config, {
    family: 'qwen3',
    rotary: { share: 1 },
    ...readActivation(config, ['hidden_act'], 'silu'),
    ...readBiases(config, { attention_bias: ['qkv', 'o_proj'] }),
    attention: { qkNorm: 'head' },
    ...upperWindows(config),
  });
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  return denseTensors(architecture);
}
