import { type DBSchema, openDB } from 'idb';
import type { KeptOutcomes } from '../evaluate/evaluate.ts';
import type { Outcome } from '../evaluate/work.ts';

interface Schema extends DBSchema {
  outcomes: { key: [subject: string, work: string, part: string]; value: Outcome };
}

const NAME = 'bamba-web-evaluations';

function open() {
  return openDB<Schema>(NAME, 1, { upgrade: (database) => void database.createObjectStore('outcomes') });
}

/** Outcomes of one model, in this browser's storage. Where that is denied, they are of this visit alone. */
export class StoredOutcomes implements KeptOutcomes {
  readonly #subject: string;
  readonly #outcomes: Map<string, Outcome>;
  readonly #onDenied: () => void;
  #denied = false;

  private constructor(subject: string, outcomes: Map<string, Outcome>, onDenied: () => void) {
    this.#subject = subject;
    this.#outcomes = outcomes;
    this.#onDenied = onDenied;
  }

  /**
   * Reads what is kept.
   * @param subject the model, with all that its outcomes depend on
   * @param onDenied told once where nothing can be kept
   */
  static async open(subject: string, onDenied: () => void): Promise<StoredOutcomes> {
    const outcomes = new Map<string, Outcome>();
    const stored = new StoredOutcomes(subject, outcomes, onDenied);
    await stored.#try(async () => {
      const database = await open();
      const range = IDBKeyRange.bound([subject], [subject, []]);
      const [keys, values] = [await database.getAllKeys('outcomes', range), await database.getAll('outcomes', range)];
      database.close();
      for (const [index, [, work, part]] of keys.entries()) outcomes.set(keyOf(work, part), values[index]!);
    });
    return stored;
  }

  get(work: string, part: string): Outcome | undefined {
    return this.#outcomes.get(keyOf(work, part));
  }

  async put(work: string, part: string, outcome: Outcome): Promise<void> {
    this.#outcomes.set(keyOf(work, part), outcome);
    await this.#try(async () => {
      const database = await open();
      await database.put('outcomes', outcome, [this.#subject, work, part]);
      database.close();
    });
  }

  async #try(work: () => Promise<void>): Promise<void> {
    if (this.#denied) return;
    try {
      await work();
    } catch {
      this.#denied = true;
      this.#onDenied();
    }
  }
}

/** Forgets the outcomes of all models. */
export async function forgetOutcomes(): Promise<void> {
  const database = await open();
  await database.clear('outcomes');
  database.close();
}

function keyOf(work: string, part: string): string {
  return JSON.stringify([work, part]);
}
