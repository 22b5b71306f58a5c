import type { AttentionShape } from './architecture.ts';
import type { ConfigReader } from './config-reader.ts';
import { readRope, type RopeDefaults } from './rope.ts';

/** Half as many pairs may turn: see `Rope`. */
const MOST_HEAD_DIM = 8192;

/**
 * The rotary embedding that a family fixes: the share of a head that turns, and values that differ from the defaults.
 */
interface RotaryDefaults extends Partial<
  Pick<RopeDefaults, 'trainedPositions' | 'meaninglessPositions' | 'options' | 'originalPositions'>
> {
  share: number;
}

export interface AttentionOptions {
  hiddenSize: number;
  /** Fields that may hold the width of a head, the first that is there counting. */
  headDimFields?: readonly string[];
  /** Null where positions are not embedded. */
  rotary: RotaryDefaults | null;
  /** Multiplies the scores; 1 / sqrt(head width) where it is not given. */
  scale?: number;
}

/**
 * Attention as a config describes it, and the longest sequence that it allows.
 * @throws BambaError `config_invalid`, `unsupported_model`.
 */
export function readAttention(
  config: ConfigReader,
  { hiddenSize, headDimFields = ['head_dim'], rotary, scale }: AttentionOptions,
): { attention: AttentionShape; maxPositions: number } {
  const heads = config.count('num_attention_heads');
  const kvHeads = config.optionalCount('num_key_value_heads') ?? heads;
  if (heads % kvHeads !== 0) throw config.invalid('num_key_value_heads', `has to divide the ${heads} query heads`);
  const field = headDimFields.find((name) => config.get(name) !== undefined);
  if (field === undefined && hiddenSize % heads !== 0) {
    throw config.invalid('num_attention_heads', `has to divide hidden_size (${hiddenSize})`);
  }
  const headDim = field === undefined ? hiddenSize / heads : config.count(field);
  if (headDim > MOST_HEAD_DIM) {
    throw config.invalid(field ?? 'num_attention_heads', `gives heads of ${headDim}; ${MOST_HEAD_DIM} are the most`);
  }
  const shape = { heads, kvHeads, headDim, scale: scale ?? 1 / Math.sqrt(headDim) };
  if (!rotary) {
    return { attention: { ...shape, rope: null }, maxPositions: config.count('max_position_embeddings') };
  }
  const { share, ...others } = rotary;
  const dims = headDim * share;
  if (!Number.isInteger(dims) || dims % 2 !== 0) {
    throw config.invalid(
      field ?? 'num_attention_heads',
      `gives heads of ${headDim}, of which ${dims} cannot turn in pairs`,
    );
  }
  const base = config.number('rope_theta', { above: 1 });
  // A family whose positions have no end needs none in its config.
  const trainedPositions = others.trainedPositions ?? config.count('max_position_embeddings');
  const { rope, maxPositions } = readRope(config, { dims, base, trainedPositions, ...others });
  return { attention: { ...shape, rope }, maxPositions };
}
