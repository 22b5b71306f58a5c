import type { TensorSpec } from '../../weights/types.ts';
import { readActivation } from '../activation-config.ts';
import type { Architecture } from '../architecture.ts';
import { readBiases } from '../biases-config.ts';
import type { ConfigReader } from '../config-reader.ts';
import { blockCount, denseArchitecture, denseTensors } from '../dense.ts';
import { flaggedWindows } from '../flagged-windows.ts';

// model_type `smollm3`: Llama's blocks, of which every fourth has no positions.

/**
 * Architecture that the config of a SmolLM3 model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  const turns = readTurning(config);
  const { layers, window } = flaggedWindows(config, (block) => !turns[block]);
  return denseArchitecture(config, {
    family: 'smollm3',
    rotary: { share: 1 },
    ...readActivation(config, ['hidden_act'], 'silu'),
    ...readBiases(config, { attention_bias: ['qkv', 'o_proj'], mlp_bias: ['mlp'] }),
    layers: layers.map((layer, block) => ({ ...layer, rope: turns[block] ? 'main' : 'none' })),
    window,
  });
}

/** Which blocks turn their heads: a list of ones and zeros, or all but every so many. */
function readTurning(config: ConfigReader): boolean[] {
  const count = blockCount(config);
  const listed = config.list('no_rope_layers');
  if (listed) {
    if (listed.length !== count || !listed.every((flag) => flag === 0 || flag === 1)) {
      throw config.invalid('no_rope_layers', `has to be a list of ${count} ones and zeros`);
    }
    return listed.map((flag) => flag === 1);
  }
  const interval = config.count('no_rope_layer_interval');
  return Array.from({ length: count }, (_, block) => (block + 1) % interval !== 0);
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  return denseTensors(architecture);
}
