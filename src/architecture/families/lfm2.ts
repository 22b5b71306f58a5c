import type { TensorSpec } from '../../weights/types.ts';
import type { Architecture } from '../architecture.ts';
import type { ConfigReader } from '../config-reader.ts';
import { lfm2Architecture, lfm2Tensors } from '../lfm2-config.ts';
import { requireFixed } from '../mamba2-config.ts';

// model_type `lfm2`: LFM2 and LFM2.5, 350M to 2.6B.

/**
 * Architecture that the config of an LFM2 model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { block_use_swiglu: true });
  return lfm2Architecture(config, { family: 'lfm2', intermediateSize: readWidth(config), mlp: () => 'swiglu' });
}

/** F: two thirds of the width that is given, times a factor, rounded up, unless the width is to be taken as it is. */
function readWidth(config: ConfigReader): number {
  const width = config.optionalCount('block_ff_dim') ?? config.count('intermediate_size');
  if (!config.flag('block_auto_adjust_ff_dim')) return width;
  const unit = config.count('block_multiple_of');
  const factor = config.number('block_ffn_dim_multiplier', { above: 0, most: 64 });
  return unit * Math.ceil(Math.floor(factor * Math.floor((2 * width) / 3)) / unit);
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  return lfm2Tensors(architecture);
}
