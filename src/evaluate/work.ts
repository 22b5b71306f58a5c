import { BambaError } from '../errors.ts';
import type { Chart } from '../bench/chart.ts';
import type { TokenizingEngine } from '../engine/protocol.ts';
import type { Metric } from './metrics.ts';

/** What a part of an evaluation gave: plain data, that can be kept. */
export type Outcome = Readonly<Record<string, unknown>>;

/** A part of an evaluation that is computed at once. */
export interface Part<Result = Outcome> {
  /** Its name among those of its work. */
  readonly id: string;
  /** About how much it is to compute, in any unit. */
  readonly size: number;
  run(engine: TokenizingEngine, signal: AbortSignal | undefined): Promise<Result>;
}

/** A task or a text: what is computed, and what follows from it. */
export interface Work<Result = Outcome> {
  readonly name: string;
  /** For people: how it was asked. */
  readonly facts: readonly string[];
  /** All that its outcomes depend on, besides the model. */
  readonly content: string;
  readonly parts: readonly Part<Result>[];
  /** @param outcomes those of `parts`, in order */
  metrics(outcomes: readonly Result[]): Metric[];
  /** Charts of them, where a figure says too little. */
  readonly charts?: (this: void, outcomes: readonly Result[]) => Chart[];
}

/** Forgets what the outcomes of a work are: they come back as data to the same work. */
export function anyWork<Result extends Outcome>(work: Work<Result>): Work {
  const { charts, ...others } = work;
  return {
    ...others,
    metrics: (outcomes) => work.metrics(outcomes as readonly Result[]),
    ...(charts && { charts: (outcomes: readonly Outcome[]) => charts(outcomes as readonly Result[]) }),
  };
}

/** @throws BambaError `setting_invalid` where two works have one name: figures are found by it. */
export function requireNames(works: readonly { name: string }[]): void {
  const names = works.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new BambaError('setting_invalid', `Two tasks or texts are named ${twice}. Rename one, or ask for it once.`);
}
