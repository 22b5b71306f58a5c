import { BambaError } from '../errors.ts';
import type { Rope } from './architecture.ts';
import { ConfigReader } from './config-reader.ts';

/** The rotary embedding that a family fixes, before its config says anything. */
export interface RopeDefaults {
  /** Rotated dimensions of a head, even. */
  dims: number;
  base: number;
  /** Positions that the model was trained on, where the config does not say. */
  trainedPositions: number;
  /** A value of `max_position_embeddings` that is the class's default and no fact about the model. */
  meaninglessPositions?: number;
  /** The object with its options, if they are not in a field of their own. */
  options?: ConfigReader | undefined;
  /** Positions before any scaling, where the config says so apart from its options. */
  originalPositions?: number | undefined;
}

/** A rotary embedding, and how many positions it reaches. */
export interface RopeReach {
  rope: Rope;
  maxPositions: number;
}

/** Formula of one type: pairs' inverse frequencies in f64, and the factor of cos and sin. */
type Scaling = (context: {
  options: ConfigReader;
  dims: number;
  base: number;
  /** Positions before any scaling. */
  trained: number;
  /** Positions that are to be reached. */
  reach: number;
  factor: number;
}) => { inverseFrequencies: number[]; attentionFactor: number };

/**
 * Rotary embedding that a config asks for, in either spelling: `rope_parameters`, or `rope_theta` with `rope_scaling`.
 * Inverse frequencies are fixed up front for the longest sequence that the config allows. Types that let them change
 * with the length (dynamic, longrope) would otherwise leave keys in the cache that were rotated by other frequencies.
 * @throws BambaError `config_invalid`, `unsupported_model`.
 */
export function readRope(config: ConfigReader, defaults: RopeDefaults): RopeReach {
  const options =
    defaults.options ?? config.child('rope_parameters') ?? config.child('rope_scaling') ?? new ConfigReader({});
  const stated = statedPositions(config, defaults);
  const own = config.number('rope_theta', { fallback: defaults.base, above: 1 });
  const base = options.number('rope_theta', { fallback: own, above: 1 });
  const type = options.text('rope_type', options.text('type', 'default'));
  const formula = Object.hasOwn(SCALINGS, type) ? SCALINGS[type] : undefined;
  if (!formula) {
    throw new BambaError(
      'unsupported_model',
      `RoPE type ${JSON.stringify(type).slice(0, 40)} is not supported; ${Object.keys(SCALINGS).join(', ')} are.`,
    );
  }
  const original =
    type === 'llama3'
      ? options.count('original_max_position_embeddings')
      : (options.optionalCount('original_max_position_embeddings') ?? defaults.originalPositions);
  const trained = original ?? stated ?? defaults.trainedPositions;
  if (NEEDS_FACTOR.has(type) && options.get('factor') === undefined) throw options.invalid('factor', 'is needed');
  const factor = options.number('factor', {
    fallback: original && stated ? Math.max(1, stated / original) : 1,
    above: 0,
  });
  // If the length before scaling is given apart, the other one is the length after it. Else it is multiplied.
  const scaled = type === 'default' ? trained : Math.max(trained, Math.floor(trained * factor));
  const reach = original === undefined ? scaled : Math.max(stated ?? scaled, trained);
  const { dims } = defaults;
  const { inverseFrequencies, attentionFactor } = formula({ options, dims, base, trained, reach, factor });
  if (![attentionFactor, ...inverseFrequencies].every((value) => value > 0 && value < Infinity)) {
    throw options.invalid('rope_type', 'gives frequencies that are not positive numbers with the options beside it');
  }
  // Rounded as the reference implementation holds them, so that long positions give the same angles.
  const rope: Rope = { dims, inverseFrequencies: inverseFrequencies.map(Math.fround), attentionFactor };
  const isPlain = type === 'default' && plainBase(rope) !== null;
  return {
    rope: isPlain ? rope : { ...rope, origin: { type, factor, base, positions: trained } },
    maxPositions: reach,
  };
}

/** Digits of a base that the frequencies are enough to find it by. */
const MOST_BASE_DIGITS = 5;

/** The base whose frequencies these are, with few digits; null where no such base has them. */
export function plainBase({ dims, inverseFrequencies, attentionFactor }: Rope): number | null {
  if (attentionFactor !== 1 || dims < 4) return null;
  const near = inverseFrequencies.at(-1)! ** (-dims / (dims - 2));
  if (!(near > 1 && near < Infinity)) return null;
  for (let digits = 1; digits <= MOST_BASE_DIGITS; digits++) {
    const base = Number(near.toPrecision(digits));
    const same = (theta: number, pair: number) => Math.fround(theta) === inverseFrequencies[pair];
    if (plainFrequencies(dims, base).every(same)) return base;
  }
  return null;
}

function statedPositions(config: ConfigReader, defaults: RopeDefaults): number | undefined {
  const stated = config.optionalCount('max_position_embeddings');
  return stated === defaults.meaninglessPositions ? undefined : stated;
}

const NEEDS_FACTOR: ReadonlySet<string> = new Set(['linear', 'dynamic', 'yarn', 'llama3']);

/** base^(-2i/d) for each pair i. */
function plainFrequencies(dims: number, base: number): number[] {
  return Array.from({ length: dims / 2 }, (_, i) => base ** ((-2 * i) / dims));
}

const SCALINGS: Readonly<Record<string, Scaling>> = {
  default: ({ dims, base }) => ({ inverseFrequencies: plainFrequencies(dims, base), attentionFactor: 1 }),

  linear: ({ dims, base, factor }) => ({
    inverseFrequencies: plainFrequencies(dims, base).map((theta) => theta / factor),
    attentionFactor: 1,
  }),

  // NTK-aware: the base grows with the length. Fixed at the full reach.
  dynamic({ dims, base, trained, reach, factor }) {
    const length = Math.max(reach, trained);
    const grown = dims > 2 ? base * ((factor * length) / trained - (factor - 1)) ** (dims / (dims - 2)) : base;
    return { inverseFrequencies: plainFrequencies(dims, grown), attentionFactor: 1 };
  },

  // Peng et al. 2023: pairs that turn often keep their frequency, slow ones are interpolated, a ramp lies between.
  yarn({ options, dims, base, trained, factor }) {
    const turns = (beta: number) => (dims * Math.log(trained / (2 * Math.PI * beta))) / (2 * Math.log(base));
    const truncate = options.flag('truncate', true);
    const fast = turns(options.number('beta_fast', { fallback: 32, above: 0 }));
    const slow = turns(options.number('beta_slow', { fallback: 1, above: 0 }));
    const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
    let high = Math.min(truncate ? Math.ceil(slow) : slow, dims - 1);
    if (high === low) high += 0.001;
    const inverseFrequencies = plainFrequencies(dims, base).map((theta, i) => {
      const ramp = Math.min(1, Math.max(0, (i - low) / (high - low)));
      return theta * (1 - ramp + ramp / factor);
    });
    return {
      inverseFrequencies,
      attentionFactor: options.number('attention_factor', { fallback: yarnFactor(options, factor) }),
    };
  },

  // Ding et al. 2024: a divisor for every pair, one list for sequences within the trained length, one beyond.
  longrope({ options, dims, base, trained, reach, factor }) {
    const divisors = options.numbers(reach + 1 > trained ? 'long_factor' : 'short_factor', dims / 2, { above: 0 });
    const inverseFrequencies = plainFrequencies(dims, base).map((theta, i) => theta / (divisors[i] as number));
    const own = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(trained));
    return { inverseFrequencies, attentionFactor: options.number('attention_factor', { fallback: own }) };
  },

  llama3({ options, dims, base, factor, trained }) {
    const low = options.number('low_freq_factor', { fallback: 1, above: 0 });
    const high = options.number('high_freq_factor', { fallback: 4, above: low });
    const inverseFrequencies = plainFrequencies(dims, base).map((theta) => {
      const wavelength = (2 * Math.PI) / theta;
      if (wavelength > trained / low) return theta / factor;
      if (wavelength < trained / high) return theta;
      const smooth = (trained / wavelength - low) / (high - low);
      return ((1 - smooth) * theta) / factor + smooth * theta;
    });
    return { inverseFrequencies, attentionFactor: 1 };
  },
};

function yarnFactor(options: ConfigReader, factor: number): number {
  const mscale = (multiplier: number) => (factor <= 1 ? 1 : 0.1 * multiplier * Math.log(factor) + 1);
  const numerator = options.number('mscale', { fallback: 0 });
  const denominator = options.number('mscale_all_dim', { fallback: 0 });
  return numerator && denominator ? mscale(numerator) / mscale(denominator) : mscale(1);
}
