import * as v from 'valibot';

/** Sizes that decide how fast an adapter is and nothing else. Without a measurement the model has its own. */
export interface Tuning {
  /** Most subgroups in a workgroup of a matvec, a power of two. */
  matvecSubgroups: number;
  /** Tokens of a chunk of a prompt. */
  chunkTokens: number;
  /** Rows up to which a matrix counts as narrow. */
  narrowRows: number;
}

/** A size that was tried, and what it took. */
export interface TuningTrial {
  /** Which size. */
  what: keyof Tuning;
  /** What it was set to. */
  value: number;
  /** Seconds of a decoded token, or of a prompt's token. */
  secondsPerToken: number;
}

/** What was measured, and the best of it. */
export interface TuningReport {
  /** The fastest sizes. */
  tuning: Tuning;
  /** What was tried, in order. */
  trials: TuningTrial[];
}

/** Sizes that are tried; each is fit for every model. */
export const CANDIDATES = {
  matvecSubgroups: [1, 2, 4, 8],
  chunkTokens: [128, 256, 512],
  narrowRows: [0, 2560],
} as const;

const schema = v.object({
  matvecSubgroups: v.picklist(CANDIDATES.matvecSubgroups),
  chunkTokens: v.picklist(CANDIDATES.chunkTokens),
  narrowRows: v.picklist(CANDIDATES.narrowRows),
});

/** A tuning that was kept, or null where it is none. */
export function parseTuning(value: unknown): Tuning | null {
  const parsed = v.safeParse(schema, value);
  return parsed.success ? parsed.output : null;
}
