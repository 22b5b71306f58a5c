import { throwIfAborted } from '../weights/abort.ts';
import type { Chart } from '../bench/chart.ts';
import type { TokenizingEngine } from '../engine/protocol.ts';
import type { Metric } from './metrics.ts';
import type { Outcome, Part, Work } from './work.ts';

/** Outcomes that are kept, so that an evaluation that was stopped goes on where it was. */
export interface KeptOutcomes {
  /** The outcome of a part; undefined where it is not known yet. */
  get(work: string, part: string): Outcome | undefined;
  put(work: string, part: string, outcome: Outcome): Promise<void>;
}

/** How far an evaluation is. */
export interface EvaluationProgress {
  /** Parts so far, kept ones included. */
  done: number;
  /** Parts in all. */
  total: number;
  /** The work that is computed. */
  name: string;
  /** By the parts of this run; Infinity before the first. */
  secondsLeft: number;
  /** What is known so far; works of which nothing is are left out. */
  sofar: () => WorkResult[];
}

/** What a task or a text gave. */
export interface WorkResult {
  name: string;
  facts: readonly string[];
  metrics: Metric[];
  /** Absent where figures say it all. */
  charts?: Chart[];
  /** In the order of the file. */
  outcomes: ({ id: string } & Outcome)[];
}

/** Parts of one work: what it is identified by, and what it computes. */
type Planned = { work: Work; digest: string; part: Part };

/**
 * Computes all parts of these works that are not kept.
 *
 * ```ts
 * const [sums] = await evaluate(engine, [taskWork(parseTaskFile(text, 'sums.jsonl'), { chats: true, limit: Infinity })]);
 * ```
 * @param options where outcomes are kept, what ends it, and who hears how far it is
 * @throws BambaError `aborted`, `prompt_too_long`, and what the engine throws; what was computed before is kept
 */
export async function evaluate(
  engine: TokenizingEngine,
  works: readonly Work[],
  {
    kept = new MemoryOutcomes(),
    signal,
    onProgress = () => {},
  }: {
    kept?: KeptOutcomes;
    signal?: AbortSignal;
    onProgress?: (progress: EvaluationProgress) => void;
  } = {},
): Promise<WorkResult[]> {
  const digests = await Promise.all(works.map(({ content }) => digestOf(content)));
  const planned = works.flatMap((work, index) =>
    work.parts.map((part): Planned => ({ work, digest: digests[index]!, part })),
  );
  const isKept = ({ digest, part }: Planned) => kept.get(digest, part.id) !== undefined;
  const missing = planned.filter((one) => !isKept(one));
  const total = planned.length;
  let done = total - missing.length;
  let [size, seconds] = [0, 0];
  let left = missing.reduce((sum, { part }) => sum + part.size, 0);
  const sofar = () =>
    works.flatMap((work, index) => resultOf(work, (part) => kept.get(digests[index]!, part.id)) ?? []);
  for (const { work, digest, part } of missing) {
    throwIfAborted(signal);
    onProgress({ done, total, name: work.name, secondsLeft: size > 0 ? (seconds * left) / size : Infinity, sofar });
    const begun = performance.now();
    await kept.put(digest, part.id, await part.run(engine, signal));
    seconds += (performance.now() - begun) / 1000;
    size += part.size;
    left -= part.size;
    done++;
  }
  onProgress({ done, total, name: works.at(-1)?.name ?? '', secondsLeft: 0, sofar });
  return sofar();
}

/** What is known of a work; null where nothing is. */
function resultOf(work: Work, outcomeOf: (part: Part) => Outcome | undefined): WorkResult | null {
  const outcomes = work.parts.flatMap((part) => {
    const outcome = outcomeOf(part);
    return outcome ? [{ id: part.id, ...outcome }] : [];
  });
  if (outcomes.length === 0) return null;
  const missing = work.parts.length - outcomes.length;
  const facts = missing > 0 ? [...work.facts, `${outcomes.length} of ${work.parts.length} so far`] : work.facts;
  const charts = work.charts?.(outcomes);
  return { name: work.name, facts, metrics: work.metrics(outcomes), ...(charts && { charts }), outcomes };
}

async function digestOf(content: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(content));
  return Array.from(new Uint8Array(hash).subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Outcomes of this run alone. */
class MemoryOutcomes implements KeptOutcomes {
  readonly #outcomes = new Map<string, Outcome>();

  get(work: string, part: string): Outcome | undefined {
    return this.#outcomes.get(JSON.stringify([work, part]));
  }

  async put(work: string, part: string, outcome: Outcome): Promise<void> {
    this.#outcomes.set(JSON.stringify([work, part]), outcome);
  }
}
