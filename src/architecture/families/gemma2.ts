import type { TensorSpec } from '../../weights/types.ts';
import { readActivation } from '../activation-config.ts';
import type { Architecture } from '../architecture.ts';
import { readBiases } from '../biases-config.ts';
import type { ConfigReader } from '../config-reader.ts';
import { blockCount, denseArchitecture, denseTensors, normNames, readWindows } from '../dense.ts';
import { readCap } from '../gemma-config.ts';

// model_type `gemma2`: norms before and behind attention and MLP, GeGLU, capped scores and logits, and a window in every
// other block.

/**
 * Architecture that the config of a Gemma 2 model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  const scoreCap = readCap(config, 'attn_logit_softcapping');
  const logitCap = readCap(config, 'final_logit_softcapping');
  return denseArchitecture(config, {
    family: 'gemma2',
    rotary: { share: 1 },
    scale: 1 / Math.sqrt(config.number('query_pre_attn_scalar', { above: 0 })),
    ...readActivation(config, ['hidden_activation', 'hidden_act'], 'silu'),
    ...readBiases(config, { attention_bias: ['qkv', 'o_proj'] }),
    normPlaces: Array.from({ length: blockCount(config) }, () => 'both' as const),
    embeddingScale: Math.sqrt(config.count('hidden_size')),
    ...(scoreCap !== undefined && { attention: { scoreCap } }),
    ...(logitCap !== undefined && { logitCap }),
    layers: readWindows(config, (block) => block % 2 === 0).map((has) => ({ window: has, rope: 'main' })),
    window: config.count('sliding_window'),
  });
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  return denseTensors(architecture, {
    norm: normNames({ mixer: 'input_layernorm', mlp: 'pre_feedforward_layernorm' }),
    postNorm: normNames({ mixer: 'post_attention_layernorm', mlp: 'post_feedforward_layernorm' }),
    normsFromOne: true,
  });
}
