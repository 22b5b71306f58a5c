import type { TensorSpec } from '../../weights/types.ts';
import { readActivation } from '../activation-config.ts';
import type { Architecture } from '../architecture.ts';
import { swigluTensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { denseArchitecture, denseTensors, layerName, readWindows } from '../dense.ts';

// model_type `phi3`: Phi-3 and Phi-4-mini. Llama's blocks with q, k and v in one matrix, and gate and up in another.

/**
 * Architecture that the config of a Phi-3 model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  const window = config.optionalCount('sliding_window') ?? null;
  const rope = config.child('rope_parameters');
  const own = config.number('partial_rotary_factor', { fallback: 1, above: 0, most: 1 });
  return denseArchitecture(config, {
    family: 'phi3',
    rotary: {
      share: rope?.number('partial_rotary_factor', { fallback: own, above: 0, most: 1 }) ?? own,
      originalPositions: config.optionalCount('original_max_position_embeddings'),
    },
    ...readActivation(config, ['hidden_act'], 'silu'),
    layers: readWindows(config, () => window !== null).map((has) => ({ window: has, rope: 'main' })),
    window,
  });
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  const { hiddenSize: C, intermediateSize: F } = architecture;
  return denseTensors(architecture, {
    attention: { fused: 'qkv_proj' },
    branches: {
      swiglu(ours, block) {
        const mlp = `${layerName(block)}.mlp`;
        // The rows of gate, then those of up.
        const both = { name: `${mlp}.gate_up_proj.weight`, shape: [2 * F, C] };
        return swigluTensors(ours, architecture, {
          gate: { ...both, rows: [0, F] },
          up: { ...both, rows: [F, 2 * F] },
          down: { name: `${mlp}.down_proj.weight`, shape: [C, F] },
        });
      },
    },
  });
}
