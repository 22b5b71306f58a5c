import type { TensorSpec } from '../../weights/types.ts';
import type { Architecture } from '../architecture.ts';
import type { ConfigReader } from '../config-reader.ts';
import { lfm2Architecture, lfm2Tensors } from '../lfm2-config.ts';

// model_type `lfm2_moe`: LFM2 with a mixture of experts in the place of all MLPs but the first few. Experts are chosen by
// sigmoids with a bias, which is no part of what their outputs are weighted by.

/**
 * Architecture that the config of an LFM2 model with experts describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  const dense = config.number('num_dense_layers', { least: 0 });
  const count = config.count('num_hidden_layers');
  const experts = config.count('num_experts');
  const moe = {
    experts,
    topK: config.count('num_experts_per_tok', { most: experts }),
    intermediateSize: config.count('moe_intermediate_size'),
    routing: {
      scores: 'sigmoid' as const,
      biased: config.flag('use_expert_bias'),
      sumEps: config.flag('norm_topk_prob') ? 1e-6 : null,
      scale: config.number('routed_scaling_factor', { above: 0 }),
      groups: 1,
      keptGroups: 1,
    },
  };
  return lfm2Architecture(config, {
    family: 'lfm2_moe',
    intermediateSize: dense > 0 ? config.count('intermediate_size') : 0,
    mlp: (block) => (block < dense ? 'swiglu' : 'moe'),
    ...(dense < count && { moe }),
  });
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  return lfm2Tensors(architecture);
}
