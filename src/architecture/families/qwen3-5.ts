import type { TensorSpec } from '../../weights/types.ts';
import type { Architecture } from '../architecture.ts';
import type { ConfigReader } from '../config-reader.ts';
import { plainRows, qwenArchitecture, qwenTensors } from '../qwen-hybrid.ts';
import { RECURRENT_DEFAULTS } from './recurrent-defaults.ts';

// model_type `qwen3_5`: Qwen3.5 as it is published, with eyes that are left out: text is read as if there were none.

/**
 * Architecture that the config of such a model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  const text = config.child('text_config', RECURRENT_DEFAULTS['qwen3_5_text']);
  if (!text) throw config.invalid('text_config', 'is needed');
  return qwenArchitecture(text, 'qwen3_5', null);
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  return qwenTensors(architecture, { rows: plainRows, root: 'model.language_model' });
}
