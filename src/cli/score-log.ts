import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { BambaError } from '../errors.ts';
import type { Score } from '../generate/perplexity.ts';

/** The weights and the text of a log's scores: others have other scores. */
export interface Subject {
  name: string;
  scheme: string;
  int8Activations: boolean;
  kvCacheType?: string;
  /** SHA-256 of weights and text. */
  weights: string;
  text: string;
}

/**
 * Scores by sequence, kept in a file of JSON lines: the subject first, then a line for each sequence. A run that was
 * stopped goes on from it.
 */
export class ScoreLog {
  readonly #file: string | undefined;
  readonly #scores: Map<number, Score>;

  private constructor(file: string | undefined, scores: Map<number, Score>) {
    this.#file = file;
    this.#scores = scores;
  }

  /**
   * Reads `file`, or begins it. Without a file the log is in memory alone.
   * @throws BambaError `setting_invalid` where the file is of another subject, or no such log.
   */
  static async open(file: string | undefined, subject: Subject): Promise<ScoreLog> {
    if (file === undefined) return new ScoreLog(undefined, new Map());
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    if (text === '') {
      await appendFile(file, `${JSON.stringify(subject)}\n`);
      return new ScoreLog(file, new Map());
    }
    const [first = '', ...lines] = text.split('\n');
    if (first !== JSON.stringify(subject)) {
      throw new BambaError('setting_invalid', `${file} is no log of this model and this text: name another file.`);
    }
    // A line without its end was being written when the run was stopped: cut off, so that the next does not join it.
    if (lines.pop() !== '') await writeFile(file, [first, ...lines, ''].join('\n'));
    return new ScoreLog(file, new Map(lines.map((line) => parseLine(line, file))));
  }

  /** By index of the sequence. */
  get scores(): ReadonlyMap<number, Score> {
    return this.#scores;
  }

  async append(sequence: number, score: Score, seconds: number): Promise<void> {
    this.#scores.set(sequence, score);
    if (this.#file !== undefined) {
      await appendFile(this.#file, `${JSON.stringify({ sequence, ...score, seconds })}\n`);
    }
  }
}

function parseLine(line: string, file: string): [number, Score] {
  try {
    const { sequence, tokens, nll, top1 } = JSON.parse(line) as Record<string, unknown>;
    if ([sequence, tokens, nll, top1].every((value) => typeof value === 'number')) {
      return [sequence as number, { tokens: tokens as number, nll: nll as number, top1: top1 as number }];
    }
  } catch {
    // Reported below, as a line without its numbers.
  }
  throw new BambaError('setting_invalid', `${file} has a damaged line: remove it, and run again.`);
}
