import { BambaError } from '../errors.ts';
import type { Quantization } from '../weights/checkpoint.ts';
import { MOST_END_IDS } from '../weights/manifest.ts';
import type { TensorEntry, TensorSpec } from '../weights/types.ts';
import { isRecord, parseUntrustedJson } from '../weights/untrusted-json.ts';
import type { Architecture } from './architecture.ts';
import { checkConsistency, readArchitecture } from './architecture-schema.ts';
import { ConfigReader } from './config-reader.ts';
import * as bamba from './families/bamba.ts';
import { FAMILY_DEFAULTS } from './families/defaults.ts';
import * as falcon_h1 from './families/falcon-h1.ts';
import * as falcon_mamba from './families/falcon-mamba.ts';
import * as gemma2 from './families/gemma2.ts';
import * as gemma3_text from './families/gemma3-text.ts';
import * as granite from './families/granite.ts';
import * as granitemoe from './families/granite-moe.ts';
import * as granitemoehybrid from './families/granite-moe-hybrid.ts';
import * as jamba from './families/jamba.ts';
import * as llama from './families/llama.ts';
import * as mamba from './families/mamba.ts';
import * as mamba2 from './families/mamba2.ts';
import * as mistral from './families/mistral.ts';
import * as nemotron_h from './families/nemotron-h.ts';
import * as olmo from './families/olmo.ts';
import * as olmo2 from './families/olmo2.ts';
import * as phi3 from './families/phi3.ts';
import * as qwen2 from './families/qwen2.ts';
import * as qwen3 from './families/qwen3.ts';
import * as smollm3 from './families/smollm3.ts';
import * as lfm2 from './families/lfm2.ts';
import * as lfm2_moe from './families/lfm2-moe.ts';
import * as olmo_hybrid from './families/olmo-hybrid.ts';
import * as qwen3_5 from './families/qwen3-5.ts';
import * as qwen3_5_moe_text from './families/qwen3-5-moe-text.ts';
import * as qwen3_5_text from './families/qwen3-5-text.ts';
import * as qwen3_next from './families/qwen3-next.ts';
import * as recurrent_gemma from './families/recurrent-gemma.ts';
import * as zamba from './families/zamba.ts';
import * as zamba2 from './families/zamba2.ts';
import { readQuantization } from './quantization-config.ts';

// From a checkpoint's config.json to the normalized architecture and the tensors of a package. The differences between
// families are in families/, one file each.

interface Family {
  /** Architecture that the config describes. @throws BambaError `config_invalid` with the field, `unsupported_model`. */
  normalize(config: ConfigReader): Architecture;
  /** Tensors of the package in the order of use, and what each is made of. */
  tensors(architecture: Architecture, config: ConfigReader): TensorSpec[];
}

/** By `model_type`. */
const FAMILIES: Readonly<Record<string, Family>> = {
  bamba,
  falcon_h1,
  falcon_mamba,
  gemma2,
  gemma3_text,
  granite,
  granitemoe,
  granitemoehybrid,
  jamba,
  llama,
  mamba,
  mamba2,
  mistral,
  nemotron_h,
  olmo,
  olmo2,
  phi3,
  qwen2,
  qwen3,
  smollm3,
  lfm2,
  lfm2_moe,
  olmo_hybrid,
  qwen3_5,
  qwen3_5_moe_text,
  qwen3_5_text,
  qwen3_next,
  recurrent_gemma,
  zamba,
  zamba2,
};

/** The parts that bamba-web lacks for models of other types, by `model_type`. */
const MISSING: Readonly<Record<string, string>> = {
  kimi_linear: 'a delta rule with a decay for each channel of a key, and attention over latent keys and values',
};

/** Supported values of `model_type`. */
export const MODEL_TYPES: readonly string[] = Object.keys(FAMILIES);

const MAX_CONFIG_BYTES = 2 * 2 ** 20;

/** The contents of a config.json. */
export interface ModelConfig {
  architecture: Architecture;
  /** Tensors of the package, in the order of use. */
  tensors: TensorSpec[];
  /** Tokens that end an answer, from `eos_token_id`. Other files may name more. */
  stopIds: number[];
  /** How weights are rounded, by the config. */
  quantization: Quantization;
}

/**
 * Reads a config.json, which nobody vouches for.
 *
 * ```ts
 * const { architecture, tensors } = parseConfig(await checkpoint.readFile('config.json'));
 * ```
 * @param onRead told of every field that is looked at, whether it is there or not.
 * @throws BambaError `config_invalid` with the field that is wrong, `unsupported_model` with what is supported.
 */
export function parseConfig(bytes: Uint8Array, onRead?: (field: string) => void): ModelConfig {
  const fields = configFields(bytes);
  const type = new ConfigReader(fields, { onRead }).text('model_type', '');
  const family = familyOf(type, 'unsupported_model', 'config.json');
  const config = new ConfigReader(fields, { defaults: FAMILY_DEFAULTS[type], onRead });
  const quantization = readQuantization(config);
  const architecture = checkConsistency(family.normalize(config), 'config_invalid', 'config.json');
  return { architecture, tensors: family.tensors(architecture, config), stopIds: readEndIds(config), quantization };
}

/** The fields of a config.json as they are, infinity being a number. @throws BambaError `config_invalid`. */
export function configFields(bytes: Uint8Array): Record<string, unknown> {
  const json = parseUntrustedJson(bytes.length <= MAX_CONFIG_BYTES ? quoteInfinity(bytes) : bytes, {
    what: 'config.json',
    code: 'config_invalid',
    maxBytes: 2 * MAX_CONFIG_BYTES,
    maxDepth: 32,
    maxValues: 200_000,
  });
  const fields = unwrapFloats(json);
  if (!isRecord(fields)) throw new BambaError('config_invalid', 'config.json is not a JSON object.');
  return fields;
}

/** Ids of `eos_token_id`, one or a list, also of a nested `text_config`. A value that is no token id ends no answer. */
function readEndIds(config: ConfigReader): number[] {
  const nested = config.get('text_config');
  const values = [config.get('eos_token_id'), isRecord(nested) ? nested['eos_token_id'] : undefined].flat();
  const sound = (id: unknown): id is number =>
    Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 31;
  return [...new Set(values.filter(sound))].slice(0, MOST_END_IDS);
}

/** Tensors that a package of this architecture has, in their order. Their sources are the config's affair. */
export function packageTensors(architecture: Architecture): TensorSpec[] {
  const family = familyOf(architecture.family, 'manifest_invalid', 'manifest.json');
  return family.tensors(architecture, new ConfigReader({}, { defaults: FAMILY_DEFAULTS[architecture.family] }));
}

/**
 * Architecture of a package's manifest, validated.
 * @throws BambaError `manifest_invalid`.
 */
export function parseArchitecture(json: unknown): Architecture {
  const architecture = readArchitecture(json);
  familyOf(architecture.family, 'manifest_invalid', 'manifest.json');
  return architecture;
}

/**
 * Makes sure that a package has exactly the tensors of its architecture.
 * @throws BambaError `manifest_invalid`.
 */
export function checkPackageTensors(architecture: Architecture, entries: readonly TensorEntry[]): void {
  const specs = packageTensors(architecture);
  for (let i = 0; i < Math.max(specs.length, entries.length); i++) {
    const spec = specs[i];
    const entry = entries[i];
    const same = spec && entry && spec.name === entry.name && String(spec.shape) === String(entry.shape);
    if (same && (spec.kind === 'matrix' || entry.scheme === 'f32')) continue;
    const describe = (tensor?: { name: string; shape: readonly number[] }) =>
      tensor ? `${JSON.stringify(tensor.name)} [${tensor.shape.join(', ')}]` : 'nothing';
    throw new BambaError(
      'manifest_invalid',
      `manifest.json has ${describe(entry)} where its architecture has ${describe(spec)}. Convert the model again.`,
    );
  }
}

function familyOf(type: string, code: 'unsupported_model' | 'manifest_invalid', file: string): Family {
  const family = Object.hasOwn(FAMILIES, type) ? FAMILIES[type] : undefined;
  if (family) return family;
  const missing = Object.hasOwn(MISSING, type) ? `, which needs ${MISSING[type]}` : '';
  throw new BambaError(
    code,
    `${file} is of model type ${JSON.stringify(type).slice(0, 60)}${missing}; supported: ${MODEL_TYPES.join(', ')}.`,
  );
}

/** Python's json writes infinity bare. Outside strings it becomes the object that other exporters write. */
function quoteInfinity(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder().decode(bytes);
  if (!text.includes('Infinity')) return bytes;
  let quoted = '';
  let copied = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') inString = !inString;
    else if (inString) {
      if (character === '\\') i++;
    } else if (character === 'I' && text.startsWith('Infinity', i)) {
      const sign = text[i - 1] === '-' ? '-' : '';
      quoted += `${text.slice(copied, i - sign.length)}{"__float__":"${sign}Infinity"}`;
      copied = i + 'Infinity'.length;
    }
  }
  return new TextEncoder().encode(quoted + text.slice(copied));
}

/** Replaces `{"__float__": "Infinity"}` by the number. */
function unwrapFloats(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrapFloats);
  if (!isRecord(value)) return value;
  const { __float__: float } = value;
  if (float === 'Infinity' || float === '-Infinity') return Number(float);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unwrapFloats(item)]));
}
