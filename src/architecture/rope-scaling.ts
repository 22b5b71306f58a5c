import { BambaError } from '../errors.ts';
import type { Architecture, Rope } from './architecture.ts';
import { ConfigReader } from './config-reader.ts';
import { plainBase, readRope } from './rope.ts';

/** Types of scaling that may be asked for when a model is loaded. */
export const ROPE_SCALINGS = ['linear', 'dynamic', 'yarn', 'longrope'] as const;

/** How the positions of a model are scaled when it is loaded: `rope_scaling` of a config, in the place of the config's own. */
export interface RopeScaling {
  /**
   * How, as `rope_type` of a config names it.
   *
   * - `linear` makes all positions denser;
   * - `dynamic` grows the base of the frequencies, for the whole context at once;
   * - `yarn` makes the slow dimensions denser, and leaves the quick ones;
   * - `longrope` divides each frequency by a number of its own.
   */
  type: 'linear' | 'dynamic' | 'yarn' | 'longrope';
  /** By how much the context becomes longer, at least 1. */
  factor: number;
  /** Tokens that the model was trained on; by default those of its config before any scaling. */
  originalContextLength?: number;
  /** Of `longrope`: a divisor for each pair of dimensions that turns. */
  longFactor?: readonly number[];
  /** Of `longrope`: those of short sequences. They are checked and not used: the whole context turns in one way. */
  shortFactor?: readonly number[];
  /** Of `yarn` and `longrope`: multiplies cos and sin; by default what their papers say. */
  attentionFactor?: number;
  /** Of `yarn`: dimensions that turn more often within the original context stay as they are; 32 by default. */
  betaFast?: number;
  /** Of `yarn`: dimensions that turn less often are scaled in full; 1 by default. */
  betaSlow?: number;
}

/** No model was ever scaled by as much. */
const MOST_FACTOR = 2 ** 20;

/** Names of the fields in configs. */
const FIELDS: Readonly<Record<keyof RopeScaling, string>> = {
  type: 'rope_type',
  factor: 'factor',
  originalContextLength: 'original_max_position_embeddings',
  longFactor: 'long_factor',
  shortFactor: 'short_factor',
  attentionFactor: 'attention_factor',
  betaFast: 'beta_fast',
  betaSlow: 'beta_slow',
};
const NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(FIELDS).map(([name, field]) => [field, name]),
);
/** Fields that belong to some types alone. */
const BELONGS: Readonly<Partial<Record<keyof RopeScaling, readonly RopeScaling['type'][]>>> = {
  longFactor: ['longrope'],
  shortFactor: ['longrope'],
  attentionFactor: ['yarn', 'longrope'],
  betaFast: ['yarn'],
  betaSlow: ['yarn'],
};

/**
 * Checks a scaling as far as that goes without the model.
 * @throws BambaError `setting_invalid` that names the field.
 */
export function checkRopeScaling(scaling: RopeScaling): void {
  const fields = readerOf(scaling);
  const { type } = scaling;
  if (!ROPE_SCALINGS.includes(type)) throw fields.invalid('rope_type', `takes one of ${ROPE_SCALINGS.join(', ')}`);
  for (const name of Object.keys(scaling)) {
    if (!Object.hasOwn(FIELDS, name)) {
      throw wrong(`ropeScaling.${name}`, `is no field of it. It takes: ${Object.keys(FIELDS).join(', ')}`);
    }
    const types = BELONGS[name as keyof RopeScaling];
    if (types && !types.includes(type))
      throw fields.invalid(FIELDS[name as keyof RopeScaling], `belongs to ${types.join(' and ')}`);
  }
  fields.number('factor', { least: 1, most: MOST_FACTOR });
  fields.optionalCount('original_max_position_embeddings');
  if (type === 'longrope' && !Array.isArray(scaling.longFactor)) {
    throw fields.invalid('long_factor', 'has to be a list of numbers');
  }
}

/**
 * A model whose positions are scaled, in the place of any scaling that its config has. Weights stay as they are.
 * Blocks that turn in a way of their own (`localRope`) go on with it, as they do where a config has a scaling.
 *
 * ```ts
 * const longer = scaleRope(architecture, { type: 'yarn', factor: 4 });
 * longer.maxPositions / architecture.maxPositions; // 4
 * ```
 * @param name of the model, for people
 * @throws BambaError `setting_invalid` that names the field, and for a model whose attention does not turn.
 */
export function scaleRope(architecture: Architecture, scaling: RopeScaling, name: string): Architecture {
  checkRopeScaling(scaling);
  const { attention } = architecture;
  if (!attention?.rope) {
    const why = attention
      ? 'attention does not turn with the position (NoPE): nothing ends its context'
      : 'blocks have no attention: nothing ends its context';
    throw new BambaError(
      'setting_invalid',
      `ropeScaling cannot scale ${name}, whose ${why}. Leave ropeScaling out, and give contextLength.`,
    );
  }
  const { dims } = attention.rope;
  const { base, positions } = originOf(attention.rope, architecture.maxPositions, name);
  const options = readerOf(scaling);
  if (scaling.shortFactor) options.numbers('short_factor', dims / 2, { above: 0 });
  const { rope, maxPositions } = readRope(new ConfigReader({}), { dims, base, trainedPositions: positions, options });
  return { ...architecture, attention: { ...attention, rope }, maxPositions };
}

/** The embedding before any scaling. @throws BambaError `setting_invalid` where nothing tells it. */
function originOf(rope: Rope, maxPositions: number, name: string): { base: number; positions: number } {
  if (rope.origin) return rope.origin;
  const base = plainBase(rope);
  if (base !== null) return { base, positions: maxPositions };
  throw new BambaError(
    'setting_invalid',
    `The package of ${name} does not say how positions were before its own scaling, so that ropeScaling cannot replace it. ` +
      'Convert the model again.',
  );
}

function readerOf(scaling: RopeScaling): ConfigReader {
  if (typeof scaling !== 'object' || scaling === null) {
    throw wrong('ropeScaling', 'has to be an object, such as { type: "yarn", factor: 4 }');
  }
  const known = Object.entries(scaling).filter(([name]) => Object.hasOwn(FIELDS, name));
  const fields = Object.fromEntries(known.map(([name, value]) => [FIELDS[name as keyof RopeScaling], value]));
  return new ConfigReader(fields, { wrong: (field, fault) => wrong(`ropeScaling.${NAMES[field] ?? field}`, fault) });
}

function wrong(field: string, fault: string): BambaError {
  return new BambaError('setting_invalid', `${field} ${fault}.`);
}
