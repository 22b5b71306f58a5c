// The sampling settings, said once: what they are called, what they take, and the value that changes nothing. Requests,
// adapters of other APIs, the settings dialog and the GPU's settings all read this table.

/** How the next token is chosen. Every field is optional; the model's `generation_config.json` gives the defaults. */
export interface SamplingSettings {
  /** 0 takes the likeliest token; above 0 samples. At most 100. */
  temperature?: number;
  /** Keep the k likeliest tokens (ties kept); 0 keeps all. */
  topK?: number;
  /** Keep the smallest set of likeliest tokens whose probabilities reach this sum; in (0, 1]. */
  topP?: number;
  /** Keep tokens at least this fraction as likely as the likeliest; in [0, 1]. */
  minP?: number;
  /** Divides positive and multiplies negative logits of tokens in prompt and answer; above 0, 1 is neutral. */
  repetitionPenalty?: number;
  /** Subtracted once from the logit of every token of the answer so far; in [-2, 2]. */
  presencePenalty?: number;
  /** Subtracted from a token's logit for each time the answer has it; in [-2, 2]. */
  frequencyPenalty?: number;
  /** Added to the logits of these token ids; each in [-100, 100]. */
  logitBias?: Record<number, number>;
  /** Seed of the sampler, an integer in [0, 2^32); the same seed and prompt give the same answer on the same device. */
  seed?: number;
}

/** The settings that are plain numbers and that a model may have defaults for. */
export type SamplingDefaults = Required<Omit<SamplingSettings, 'seed' | 'logitBias'>>;

/** The settings that are plain numbers. */
export type SamplingName = keyof SamplingDefaults | 'seed';

/** The settings of one answer, complete and within their ranges: what the GPU is given. */
export interface SamplingValues extends SamplingDefaults {
  /** Token id to what is added to its logit. */
  logitBias: ReadonlyMap<number, number>;
  seed: number;
}

/** The numbers that a setting takes. */
export interface NumberRange {
  min: number;
  max: number;
  /** Whether `min` itself is refused. */
  minExcluded?: boolean;
  /** Whether it takes whole numbers alone. */
  integer?: boolean;
}

/** A row of the table. */
interface SamplingRow extends NumberRange {
  /** The value that changes nothing; with all of them the likeliest token is taken every time. */
  neutral: number;
  /** Its name in Python and in OpenAI's API, such as `top_p`. */
  snake: string;
  /** Whether transformers has it: as a field of `generation_config.json`, and as an option of a pipeline. */
  inTransformers: boolean;
}

/** The table: each setting that is a plain number. */
export const SAMPLING: Readonly<Record<SamplingName, SamplingRow>> = {
  temperature: { snake: 'temperature', min: 0, max: 100, neutral: 0, inTransformers: true },
  topK: { snake: 'top_k', min: 0, max: 1_000_000, integer: true, neutral: 0, inTransformers: true },
  topP: { snake: 'top_p', min: 0, max: 1, minExcluded: true, neutral: 1, inTransformers: true },
  minP: { snake: 'min_p', min: 0, max: 1, neutral: 0, inTransformers: true },
  repetitionPenalty: {
    snake: 'repetition_penalty',
    min: 0,
    max: 100,
    minExcluded: true,
    neutral: 1,
    inTransformers: true,
  },
  presencePenalty: { snake: 'presence_penalty', min: -2, max: 2, neutral: 0, inTransformers: false },
  frequencyPenalty: { snake: 'frequency_penalty', min: -2, max: 2, neutral: 0, inTransformers: false },
  seed: { snake: 'seed', min: 0, max: 2 ** 32 - 1, integer: true, neutral: 0, inTransformers: false },
};

/** The names of the table, in its order. */
export const SAMPLING_NAMES = Object.keys(SAMPLING) as readonly SamplingName[];

/** What `logitBias` takes for each token. */
export const BIAS_RANGE: NumberRange = { min: -100, max: 100 };

/** The likeliest token every time, and nothing else changed. */
export const GREEDY: SamplingValues = {
  ...(Object.fromEntries(SAMPLING_NAMES.map((name) => [name, SAMPLING[name].neutral])) as Record<SamplingName, number>),
  logitBias: new Map(),
};

/** Whether a value is a number of the range. */
export function inRange(value: unknown, range: NumberRange): value is number {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  if (range.integer && !Number.isInteger(value)) return false;
  return (range.minExcluded ? value > range.min : value >= range.min) && value <= range.max;
}
