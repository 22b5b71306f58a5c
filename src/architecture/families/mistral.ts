import type { TensorSpec } from '../../weights/types.ts';
import { readActivation } from '../activation-config.ts';
import type { Architecture } from '../architecture.ts';
import type { ConfigReader } from '../config-reader.ts';
import { denseArchitecture, denseTensors, readWindows } from '../dense.ts';

// model_type `mistral`: Llama's blocks, of which all have a window where the config names one.

/**
 * Architecture that the config of a Mistral model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  const window = config.optionalCount('sliding_window') ?? null;
  return denseArchitecture(config, {
    family: 'mistral',
    rotary: { share: 1 },
    ...readActivation(config, ['hidden_act'], 'silu'),
    layers: readWindows(config, () => window !== null).map((has) => ({ window: has, rope: 'main' })),
    window,
  });
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  return denseTensors(architecture);
}
