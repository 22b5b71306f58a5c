import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { BambaError } from '../errors.ts';
import type { KeptOutcomes } from '../evaluate/evaluate.ts';
import type { Outcome } from '../evaluate/work.ts';
import { isRecord } from '../weights/untrusted-json.ts';

/** The model that outcomes are of: others have others. */
export interface Subject {
  name: string;
  scheme: string;
  precision: string;
  kvCacheType: string;
  contextLength: number;
  /** SHA-256 of the weights. */
  weights: string;
}

/**
 * Outcomes of an evaluation, kept in a file of JSON lines: the subject first, then a line for each outcome. A run that was
 * stopped goes on from it.
 */
export class OutcomeLog implements KeptOutcomes {
  readonly #file: string;
  readonly #outcomes: Map<string, Outcome>;

  private constructor(file: string, outcomes: Map<string, Outcome>) {
    this.#file = file;
    this.#outcomes = outcomes;
  }

  /**
   * Reads `file`, or begins it.
   * @throws BambaError `setting_invalid` where the file is of another subject, or no such log.
   */
  static async open(file: string, subject: Subject): Promise<OutcomeLog> {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const head = JSON.stringify(subject);
    if (text === '') {
      await appendFile(file, `${head}\n`);
      return new OutcomeLog(file, new Map());
    }
    const [first = '', ...lines] = text.split('\n');
    if (first !== head) {
      throw new BambaError(
        'setting_invalid',
        `${file} is no log of this model with these settings: name another file.`,
      );
    }
    // A line without its end was being written when the run was stopped: cut off, so that the next does not join it.
    if (lines.pop() !== '') await writeFile(file, [first, ...lines, ''].join('\n'));
    return new OutcomeLog(file, new Map(lines.map((line) => parseLine(line, file))));
  }

  get(work: string, part: string): Outcome | undefined {
    return this.#outcomes.get(keyOf(work, part));
  }

  async put(work: string, part: string, outcome: Outcome): Promise<void> {
    this.#outcomes.set(keyOf(work, part), outcome);
    await appendFile(this.#file, `${JSON.stringify({ work, part, outcome })}\n`);
  }
}

function keyOf(work: string, part: string): string {
  return JSON.stringify([work, part]);
}

function parseLine(line: string, file: string): [string, Outcome] {
  try {
    const { work, part, outcome } = JSON.parse(line) as Record<string, unknown>;
    if (typeof work === 'string' && typeof part === 'string' && isRecord(outcome)) return [keyOf(work, part), outcome];
  } catch {
    // Reported below, as a line without its outcome.
  }
  throw new BambaError('setting_invalid', `${file} has a damaged line: remove it, and run again.`);
}
