import * as v from 'valibot';
import { BambaError } from '../errors.ts';
import type { TensorEntry, TensorSpec } from '../weights/types.ts';
import { isRecord, parseUntrustedJson } from '../weights/untrusted-json.ts';
import type { Architecture } from './architecture.ts';
import { ConfigReader } from './config-reader.ts';
import * as bamba from './families/bamba.ts';
import { requireFloatQuantized } from './quantization-config.ts';

// From a checkpoint's config.json to the normalized architecture and the tensors of a package. What differs between
// families is in families/, one file each.

interface Family {
  normalize(config: ConfigReader): Architecture;
  tensors(architecture: Architecture, options?: { convBias?: boolean }): TensorSpec[];
}

const FAMILIES: Readonly<Record<string, Family>> = { bamba };

const MAX_CONFIG_BYTES = 2 * 2 ** 20;

/** What a config.json says. */
export interface ModelConfig {
  architecture: Architecture;
  /** Tensors of the package, in the order of use. */
  tensors: TensorSpec[];
}

/**
 * Reads a config.json, which nobody vouches for.
 *
 * ```ts
 * const { architecture, tensors } = parseConfig(await checkpoint.readFile('config.json'));
 * ```
 * @throws BambaError `config_invalid` with the field that is wrong, `unsupported_model` with what is supported.
 */
export function parseConfig(bytes: Uint8Array): ModelConfig {
  const json = parseUntrustedJson(bytes.length <= MAX_CONFIG_BYTES ? quoteInfinity(bytes) : bytes, {
    what: 'config.json',
    code: 'config_invalid',
    maxBytes: 2 * MAX_CONFIG_BYTES,
    maxDepth: 32,
    maxValues: 200_000,
  });
  const fields = unwrapFloats(json);
  if (!isRecord(fields)) throw new BambaError('config_invalid', 'config.json is not a JSON object.');
  const config = new ConfigReader(fields);
  const family = familyOf(config.text('model_type', ''), 'unsupported_model', 'config.json');
  requireFloatQuantized(config);
  const architecture = checkArchitecture(family.normalize(config), 'config_invalid', 'config.json');
  return { architecture, tensors: family.tensors(architecture, { convBias: config.flag('mamba_conv_bias', true) }) };
}

/** Tensors that a package of this architecture has, in their order. */
export function packageTensors(architecture: Architecture): TensorSpec[] {
  return familyOf(architecture.family, 'manifest_invalid', 'manifest.json').tensors(architecture);
}

/**
 * Architecture of a package's manifest, validated.
 * @throws BambaError `manifest_invalid`.
 */
export function parseArchitecture(json: unknown): Architecture {
  const parsed = v.safeParse(architectureSchema, json, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new BambaError(
      'manifest_invalid',
      `In manifest.json, architecture.${v.getDotPath(issue) ?? ''} is damaged: ${issue.message.slice(0, 200)}.`,
    );
  }
  familyOf(parsed.output.family, 'manifest_invalid', 'manifest.json');
  return checkArchitecture(parsed.output, 'manifest_invalid', 'manifest.json');
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
  throw new BambaError(
    code,
    `${file} is of model type ${JSON.stringify(type).slice(0, 60)}; supported: ${Object.keys(FAMILIES).join(', ')}.`,
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

const MOST_BLOCKS = 1024;
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(2 ** 24));
const finite = v.pipe(v.number(), v.finite());
const positive = v.pipe(finite, v.gtValue(0));

const ropeSchema = v.object({
  dims: size,
  inverseFrequencies: v.pipe(v.array(v.pipe(finite, v.minValue(0))), v.maxLength(4096)),
  attentionFactor: positive,
});

const architectureSchema = v.object({
  family: v.string(),
  vocabSize: size,
  hiddenSize: size,
  intermediateSize: size,
  blocks: v.pipe(v.array(v.picklist(['mamba2', 'attention'])), v.minLength(1), v.maxLength(MOST_BLOCKS)),
  mamba2: v.nullable(
    v.object({
      heads: size,
      headDim: size,
      stateSize: size,
      groups: size,
      convWidth: v.literal(4),
      normGroups: size,
      dtLimit: v.object({ lo: v.pipe(finite, v.minValue(0)), hi: v.nullable(positive) }),
    }),
  ),
  attention: v.nullable(
    v.object({ heads: size, kvHeads: size, headDim: size, scale: positive, rope: v.nullable(ropeSchema) }),
  ),
  normEps: positive,
  tiedHead: v.boolean(),
  maxPositions: size,
});

/** No matrix of a model that a browser could run has more elements. */
const MOST_ELEMENTS = 2 ** 40;

/** What has to hold between the fields, wherever they come from. */
function checkArchitecture(
  architecture: Architecture,
  code: 'config_invalid' | 'manifest_invalid',
  file: string,
): Architecture {
  const demand = (holds: boolean, sentence: string) => {
    if (!holds) throw new BambaError(code, `${file} describes no possible model: ${sentence}.`);
  };
  const { vocabSize, hiddenSize, intermediateSize, blocks, mamba2, attention } = architecture;
  demand(blocks.includes('mamba2') === (mamba2 !== null), 'Mamba-2 blocks and their shape have to come together');
  demand(
    blocks.includes('attention') === (attention !== null),
    'attention blocks and their shape have to come together',
  );
  let widest = Math.max(vocabSize, 2 * intermediateSize);
  if (mamba2) {
    const { heads, headDim, stateSize, groups, normGroups, dtLimit } = mamba2;
    demand(heads % groups === 0, `${groups} groups do not divide ${heads} Mamba-2 heads`);
    demand((heads * headDim) % normGroups === 0, `${normGroups} norm groups do not divide the inner width`);
    demand(dtLimit.hi === null || dtLimit.lo < dtLimit.hi, 'the limits of dt do not ascend');
    widest = Math.max(widest, 2 * heads * headDim + 2 * groups * stateSize + heads);
  }
  if (attention) {
    const { heads, kvHeads, headDim, rope } = attention;
    demand(heads % kvHeads === 0, `${kvHeads} KV heads do not divide ${heads} query heads`);
    demand(
      rope === null || (rope.dims <= headDim && rope.inverseFrequencies.length * 2 === rope.dims),
      'the rotary embedding does not fit the heads',
    );
    widest = Math.max(widest, (heads + 2 * kvHeads) * headDim);
  }
  demand(widest * Math.max(hiddenSize, intermediateSize) <= MOST_ELEMENTS, 'its matrices are beyond any device');
  return architecture;
}
