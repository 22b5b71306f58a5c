import { BambaError } from '../errors.ts';
import type { Activation } from './architecture.ts';
import type { ConfigReader } from './config-reader.ts';

/** How configs name activations. Those that only round the same formula in another way are one here. */
const NAMES: Readonly<Record<string, Activation>> = {
  silu: 'silu',
  swish: 'silu',
  gelu: 'gelu',
  gelu_pytorch_tanh: 'gelu_tanh',
  gelu_new: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  relu2: 'relu2',
};

/**
 * The activation of MLPs, where it is not the one that their kind is named for.
 * @param fields that may hold it, the first that is there counting.
 * @param usual of the kind of MLP.
 * @throws BambaError `config_invalid`, `unsupported_model`.
 */
export function readActivation(
  config: ConfigReader,
  fields: readonly string[],
  usual: Activation,
): { activation?: Activation } {
  const field = fields.find((name) => config.get(name) !== undefined) ?? fields[0]!;
  const name = config.text(field);
  const activation = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
  if (activation) return activation === usual ? {} : { activation };
  const known = Object.keys(NAMES).map((one) => JSON.stringify(one));
  throw new BambaError(
    'unsupported_model',
    `config.json has ${field} ${JSON.stringify(name).slice(0, 60)}; only ${known.join(', ')} are supported.`,
  );
}
