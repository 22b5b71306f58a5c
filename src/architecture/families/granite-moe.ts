import type { TensorSpec } from '../../weights/types.ts';
import type { Architecture } from '../architecture.ts';
import { readBiases } from '../biases-config.ts';
import { graniteMoeTensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { denseArchitecture, denseTensors, layerName } from '../dense.ts';
import { requireFixed } from '../mamba2-config.ts';
import { graniteFactors, residualScale } from './granite.ts';

// model_type `granitemoe`: Granite 3 with a mixture of experts in the place of each MLP.

/**
 * Architecture that the config of a Granite MoE model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { hidden_act: 'silu' });
  const experts = config.count('num_local_experts');
  const topK = config.count('num_experts_per_tok', { most: experts });
  return denseArchitecture(config, {
    family: 'granitemoe',
    rotary: { share: 1 },
    ...readBiases(config, { attention_bias: ['qkv', 'o_proj'] }),
    ...graniteFactors(config),
    moe: { experts, topK, intermediateSize: config.count('intermediate_size') },
  });
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture, config: ConfigReader): TensorSpec[] {
  const out = residualScale(config);
  return denseTensors(architecture, {
    residualScale: out,
    branches: {
      moe: (ours, block) =>
        graniteMoeTensors(ours, `${layerName(block)}.block_sparse_moe`, architecture, { down: out }),
    },
  });
}
