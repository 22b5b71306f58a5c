import { BambaError } from '../errors.ts';
import type { Quantization } from '../weights/checkpoint.ts';
import type { BlockSize } from '../weights/fp8-scales.ts';
import type { Packing } from '../weights/packed/packed-tensors.ts';
import type { ConfigReader } from './config-reader.ts';

// The quantization that a config names. Weights of 8 bits with scales, and packed ones of 4 and 8, are read from the
// tensors themselves, whatever tool wrote them. An unknown label refuses no model. One that stands for other weights
// does, as the tensors would only look incomplete.

/** Values of `quant_method` that stand for weights that cannot be read. */
const OTHER_METHODS: ReadonlySet<unknown> = new Set([
  'aqlm',
  'auto-round',
  'bitnet',
  'bitsandbytes',
  'eetq',
  'fp_quant',
  'higgs',
  'hqq',
  'mxfp4',
  'quanto',
  'spqr',
  'torchao',
  'vptq',
]);
/** Values of `format` that do: sparse ones, bits of their own kernels. */
const OTHER_FORMATS = /marlin|sparse|fp4/;
/** Values of ModelOpt's `quant_algo` that do. */
const OTHER_ALGORITHMS = /FP4|INT|W4|AWQ/;
/** Values of a group's `strategy` that do. */
const OTHER_STRATEGIES: ReadonlySet<unknown> = new Set(['tensor_group', 'attn_head']);
/** The numbers of bits of an integer that fill a word evenly and are in use. */
const PACKED_BITS = [4, 8];

/**
 * What a config says of its quantization. Activations are not quantized here, which is more exact than what such configs ask
 * for.
 * @throws BambaError `unsupported_model` for weights that cannot be read, with what to load in their place.
 */
export function readQuantization(config: ConfigReader): Quantization {
  refuseMlx(config);
  const quantization = config.child('quantization_config') ?? config.child('compression_config');
  if (!quantization) return {};
  refuse(quantization, 'quant_method', (method) => OTHER_METHODS.has(method));
  refuse(quantization, 'format', (format) => OTHER_FORMATS.test(String(format)));
  refuse(quantization, 'quant_algo', (algorithm) => OTHER_ALGORITHMS.test(String(algorithm)));
  const method = quantization.get('quant_method');
  if (method === 'gptq') return { packing: readGptq(quantization) };
  if (method === 'awq') return { packing: readAwq(quantization) };
  const groups = quantization.child('config_groups');
  for (const name of groups?.names() ?? []) {
    const group = groups?.child(name);
    if (!group) continue;
    refuse(group, 'format', (format) => OTHER_FORMATS.test(String(format)));
    const weights = group.child('weights');
    if (!weights) continue;
    const isInteger = weights.get('type') === 'int';
    refuse(weights, 'type', (type) => type !== 'float' && type !== 'int');
    refuse(weights, 'num_bits', (bits) => bits !== 8 && !(isInteger && bits === 4));
    refuse(weights, 'strategy', (strategy) => OTHER_STRATEGIES.has(strategy) || (strategy === 'group' && !isInteger));
    refuse(weights, 'symmetric', (symmetric) => symmetric !== true && !isInteger);
  }
  return { blocks: readBlocks(quantization), packing: { method: 'compressed', bits: PACKED_BITS, zeroOffset: 0 } };
}

function readGptq(quantization: ConfigReader): Packing {
  refuse(quantization, 'bits', (bits) => !PACKED_BITS.includes(bits as number));
  const isFirst = quantization.text('checkpoint_format', 'gptq') !== 'gptq_v2';
  return { method: 'gptq', bits: PACKED_BITS, zeroOffset: isFirst ? 1 : 0 };
}

function readAwq(quantization: ConfigReader): Packing {
  refuse(quantization, 'bits', (bits) => bits !== 4);
  refuse(quantization, 'version', (version) => String(version).toLowerCase() !== 'gemm');
  return { method: 'awq', bits: [4], zeroOffset: 0 };
}

/** MLX writes its own groups into files that look like any other checkpoint. */
function refuseMlx(config: ConfigReader): void {
  const own = config.get('quantization');
  const isMlx = typeof own === 'object' && own !== null && 'group_size' in own && 'bits' in own;
  if (!isMlx) return;
  throw new BambaError(
    'unsupported_model',
    'The checkpoint is one of MLX, whose groups only its own runtime reads. Load the checkpoint that it was made of, or a ' +
      'GGUF file of the model.',
  );
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
    `The checkpoint is quantized with ${field} ${JSON.stringify(found).slice(0, 60)}, which is not supported. Supported ` +
      'are floats and integers of 8 bits with scales, and 4-bit integers of compressed-tensors, GPTQ and AWQ. Use the ' +
      'unquantized checkpoint, or a GGUF file of the model.',
  );
}
