import { BambaError } from '../errors.ts';
import type { ConfigReader } from './config-reader.ts';

/**
 * Makes sure that a `quantization_config`, where there is one, is what the checkpoint reader understands: that of
 * compressed-tensors with float weights of 8 bits and a scale for each tensor or each row. Which tensors it covers is
 * read off the tensors themselves. Activations are not quantized here, which is more exact than what it asks for.
 * @throws BambaError `unsupported_model`.
 */
export function requireFloatQuantized(config: ConfigReader): void {
  const quantization = config.child('quantization_config');
  if (!quantization) return;
  demand(quantization, 'quant_method', ['compressed-tensors']);
  demand(quantization, 'format', ['float-quantized']);
  const groups = quantization.child('config_groups');
  if (!groups) return;
  for (const name of groups.names()) {
    const weights = groups.child(name)?.child('weights');
    if (!weights) continue;
    demand(weights, 'num_bits', [8]);
    demand(weights, 'type', ['float']);
    demand(weights, 'strategy', ['tensor', 'channel']);
    demand(weights, 'symmetric', [true]);
  }
}

function demand(config: ConfigReader, field: string, supported: readonly unknown[]): void {
  const found = config.get(field);
  if (found !== undefined && supported.includes(found)) return;
  const values = supported.map((value) => JSON.stringify(value)).join(' or ');
  throw new BambaError(
    'unsupported_model',
    `The checkpoint is quantized with ${field} ${JSON.stringify(found ?? null).slice(0, 60)}; ${values} is supported. ` +
      'Use the unquantized checkpoint.',
  );
}
