import type { TensorSpec } from '../../weights/types.ts';
import type { Architecture } from '../architecture.ts';
import type { ConfigReader } from '../config-reader.ts';
import { plainRows, qwenArchitecture, qwenTensors, readQwenMoe } from '../qwen-hybrid.ts';

// model_type `qwen3_5_moe_text`: Qwen3.5 without its eyes, with a mixture of experts beside an MLP in every block.

/**
 * Architecture that the config of such a model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  return qwenArchitecture(config, 'qwen3_5_moe_text', readQwenMoe(config));
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  return qwenTensors(architecture, { rows: plainRows });
}
