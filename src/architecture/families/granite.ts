import type { TensorSpec } from '../../weights/types.ts';
import { readActivation } from '../activation-config.ts';
import type { Architecture } from '../architecture.ts';
import { readBiases } from '../biases-config.ts';
import type { ConfigReader } from '../config-reader.ts';
import { denseArchitecture, denseTensors } from '../dense.ts';

// model_type `granite`: Granite 2 to 4 without mixers of Mamba. Llama's blocks with constant factors: on the embeddings, on
// what a branch adds to the stream, on the scores of attention and on the logits.

/** The factors that all Granite models have. @throws BambaError `config_invalid`. */
export function graniteFactors(config: ConfigReader) {
  return {
    scale: config.number('attention_multiplier', { above: 0 }),
    embeddingScale: config.number('embedding_multiplier', { above: 0 }),
    logitScale: 1 / config.number('logits_scaling', { above: 0 }),
  };
}

/** The factor of a branch before it is added to the stream. @throws BambaError `config_invalid`. */
export function residualScale(config: ConfigReader): number {
  return config.number('residual_multiplier', { above: 0 });
}

/**
 * Architecture that the config of a Granite model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  return denseArchitecture(config, {
    family: 'granite',
    rotary: { share: 1 },
    ...readActivation(config, ['hidden_act'], 'silu'),
    ...readBiases(config, { attention_bias: ['qkv', 'o_proj'], mlp_bias: ['mlp'] }),
    ...graniteFactors(config),
  });
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture, config: ConfigReader): TensorSpec[] {
  return denseTensors(architecture, { residualScale: residualScale(config) });
}
