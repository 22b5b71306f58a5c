import { BambaError } from '../errors.ts';
import type { BlockSize } from '../weights/fp8-scales.ts';
import type { ConfigReader } from './config-reader.ts';

// What a config says of its quantization. Float weights of 8 bits are read from the tensors themselves, whatever tool wrote
// them and however it describes them; a label that is not known here refuses nothing. One that stands for other weights
// does, as the tensors would only look incomplete.

/** Values of `quant_method` that stand for other weights than F8_E4M3 with scales. */
const OTHER_METHODS: ReadonlySet<unknown> = new Set([
  'aqlm',
  'auto-round',
  'awq',
  'bitnet',
  'bitsandbytes',
  'eetq',
  'fp_quant',
  'gptq',
  'higgs',
  'hqq',
  'mxfp4',
  'quanto',
  'spqr',
  'torchao',
  'vptq',
]);
/** Values of `format` that do: packed bits, integers, sparse ones. */
const OTHER_FORMATS = /pack|int-|marlin|sparse|fp4/;
/** Values of ModelOpt's `quant_algo` that do. */
const OTHER_ALGORITHMS = /FP4|INT|W4|AWQ/;
/** Values of a group's `strategy` that do: scales for parts of a row. */
const OTHER_STRATEGIES: ReadonlySet<unknown> = new Set(['group', 'tensor_group', 'attn_head']);

/**
 * Makes sure that what a config says of its quantization, if it does, is nothing else than float weights of 8 bits with
 * scales. Activations are not quantized here, which is more exact than what such configs ask for.
 * @returns rows and columns that share a scale, where the config says so
 * @throws BambaError `unsupported_model`.
 */
export function requireFloatQuantized(config: ConfigReader): BlockSize | null {
  const quantization = config.child('quantization_config') ?? config.child('compression_config');
  if (!quantization) return null;
  refuse(quantization, 'quant_method', (method) => OTHER_METHODS.has(method));
  refuse(quantization, 'format', (format) => OTHER_FORMATS.test(String(format)));
  refuse(quantization, 'quant_algo', (algorithm) => OTHER_ALGORITHMS.test(String(algorithm)));
  const groups = quantization.child('config_groups');
  for (const name of groups?.names() ?? []) {
    const group = groups?.child(name);
    if (!group) continue;
    refuse(group, 'format', (format) => OTHER_FORMATS.test(String(format)));
    const weights = group.child('weights');
    if (!weights) continue;
    refuse(weights, 'num_bits', (bits) => bits !== 8);
    refuse(weights, 'type', (type) => type !== 'float');
    refuse(weights, 'strategy', (strategy) => OTHER_STRATEGIES.has(strategy));
    refuse(weights, 'symmetric', (symmetric) => symmetric !== true);
  }
  return readBlocks(quantization);
}

/** Size of a block, as the method `fp8` states it. */
function readBlocks(quantization: ConfigReader): BlockSize | null {
  const size = quantization.list('weight_block_size');
  if (!size) return null;
  const [rows, columns] = size;
  const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
  if (size.length === 2 && isSize(rows) && isSize(columns)) return [rows, columns];
  throw quantization.invalid('weight_block_size', 'has to be two positive integers');
}

function refuse(config: ConfigReader, field: string, isOther: (value: unknown) => boolean): void {
  const found = config.get(field);
  if (found === undefined || !isOther(found)) return;
  throw new BambaError(
    'unsupported_model',
    `The checkpoint is quantized with ${field} ${JSON.stringify(found).slice(0, 60)}; float weights of 8 bits with ` +
      'scales are supported. Use the unquantized checkpoint.',
  );
}
