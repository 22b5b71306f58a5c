import { configFields, MODEL_TYPES, parseConfig } from '../architecture/config.ts';
import { FAMILY_DEFAULTS } from '../architecture/families/defaults.ts';
import { BambaError } from '../errors.ts';
import { isRecord } from '../weights/untrusted-json.ts';
import { blockKinds } from './block-text.ts';

// What can be said of a config.json that is refused: which family would come nearest, and which of its fields no family
// knows. A feature that is missing has a field, and what nobody reads nobody can compute.

/** Fields that say nothing of how a model computes. */
const ASIDE =
  /^_|_token_id$|dropout|initializer|^(?:architectures|auto_map|(?:torch_)?dtype|transformers_version|use_cache|model_type|name|tokenizer_class|output_\w+|return_dict\w*|id2label|label2id|problem_type|pretraining_tp|use_return_dict|tie_encoder_decoder|is_(?:encoder_)?decoder|vision_config|audio_config|\w+_token_index|use_mamba_kernels|max_window_layers|max_position_embeddings)$/;

/** Longest text of a field's value. */
const MOST_VALUE = 60;

interface Reading {
  type: string;
  read: ReadonlySet<string>;
  /** Its blocks; null where the family refuses the config. */
  blocks: string | null;
}

/**
 * Sentences on what keeps a config.json from being run, besides the first fault that was found.
 * @param bytes of the file, which was refused as `unsupported_model`
 */
export function missingFeatures(bytes: Uint8Array): string[] {
  const json = configFields(bytes);
  // A model with eyes has what concerns its text in an object of its own.
  const nested = json['text_config'];
  const fields = isRecord(nested) && !MODEL_TYPES.includes(typeOf(json)) ? nested : json;
  const own = typeOf(fields);
  const names = Object.keys(fields).filter((name) => !ASIDE.test(name) && isSaid(fields[name]));
  const readings = MODEL_TYPES.map((type) => readAs(fields, type));
  // A family that refuses a field has not read those behind it: its defaults name them all the same.
  const known = new Set([
    ...readings.flatMap(({ read }) => [...read]),
    ...Object.values(FAMILY_DEFAULTS).flatMap((defaults) => Object.keys(defaults)),
  ]);
  const missing = names.filter((name) => !known.has(name));
  const texts = missing.map((name) => `  ${name}: ${JSON.stringify(fields[name]).slice(0, MOST_VALUE)}`);
  return [
    ...(missing.length > 0 ? ['No model type of bamba-web knows what these fields ask for:', ...texts] : []),
    ...(MODEL_TYPES.includes(own) ? [] : [nearestText(readings, names)]),
  ];
}

/** The family that leaves the fewest of these fields unread, and of such the one that misses the fewest. */
function nearestText(readings: readonly Reading[], names: readonly string[]): string {
  const unread = ({ read }: Reading) => names.filter((name) => !read.has(name)).length;
  const absent = ({ read }: Reading) => [...read].filter((name) => !names.includes(name)).length;
  const [nearest] = readings
    .filter(({ blocks }) => blocks !== null)
    .toSorted((one, other) => unread(one) - unread(other) || absent(one) - absent(other));
  if (!nearest) return 'No model type of bamba-web could be made of the rest.';
  return `The nearest is ${nearest.type}, which would take it for ${nearest.blocks}.`;
}

function typeOf({ model_type: type }: Readonly<Record<string, unknown>>): string {
  return typeof type === 'string' ? type : '';
}

/** Whether a field asks for anything. */
function isSaid(value: unknown): boolean {
  return value !== null && value !== undefined && value !== false && value !== 0;
}

/** What a family makes of the fields. */
function readAs(fields: Readonly<Record<string, unknown>>, type: string): Reading {
  const read = new Set<string>();
  const bytes = new TextEncoder().encode(JSON.stringify({ ...fields, model_type: type }));
  try {
    const { architecture } = parseConfig(bytes, (field) => read.add(field.split('.')[0]!));
    return { type, read, blocks: blockKinds(architecture) };
  } catch (error) {
    if (error instanceof BambaError) return { type, read, blocks: null };
    throw error;
  }
}
