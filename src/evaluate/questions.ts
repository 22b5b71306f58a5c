import { Field } from './field.ts';
import { type Doc, invalid, type TaskFile, type TaskHead } from './task-file.ts';

/** An example that is shown before a question. */
interface Example {
  question: string;
  answer: string;
}

/** What stands before an answer. */
export interface Context {
  readonly description: string;
  readonly examples: readonly Example[];
  readonly question: string;
}

/** One line of a task, ready to be asked. */
export type Question = { readonly id: string; readonly where: string } & (
  | { type: 'multiple_choice'; context: Context; choices: readonly string[]; gold: readonly number[] }
  | { type: 'generate_until'; context: Context; targets: readonly string[] }
  | { type: 'loglikelihood_rolling'; text: string }
);

/**
 * The questions of a task, with the examples before each, as lm-evaluation-harness has them.
 * @throws BambaError `setting_invalid` that names the line: without an answer, without choices, without a field
 */
export function questionsOf({ head, docs, file }: TaskFile): Question[] {
  const where = `${file}, line 1`;
  const asked = new Asked(head, where);
  const { samples } = head.fewshot_config;
  const shown = samples?.map((fields, index): Doc => ({
    fields,
    id: `${index}`,
    where: `${where}, sample ${index + 1}`,
  }));
  return docs.map((doc): Question => {
    const { id } = doc;
    if (head.output_type === 'loglikelihood_rolling') {
      return { id, where: doc.where, type: head.output_type, text: asked.targets(doc)[0]! };
    }
    const pool = shown ?? docs.filter((other) => other !== doc);
    if (pool.length < head.num_fewshot) {
      throw invalid(where, `num_fewshot is ${head.num_fewshot}, and there are ${pool.length} examples. Ask for fewer`);
    }
    const examples = pool.slice(0, head.num_fewshot).map((one) => asked.example(one));
    const context = { description: asked.description(doc), examples, question: asked.question(doc) };
    if (head.output_type === 'generate_until') {
      return { id, where: doc.where, type: head.output_type, context, targets: asked.targets(doc) };
    }
    const choices = asked.choices(doc);
    return { id, where: doc.where, type: head.output_type, context, choices, gold: asked.gold(doc, choices) };
  });
}

/** The fields of a task that are made of its lines. */
class Asked {
  readonly #description: Field;
  readonly #question: Field | null;
  readonly #target: Field | number;
  readonly #choice: Field | readonly Field[] | null;

  constructor(
    { description, doc_to_text: text, doc_to_target: target, doc_to_choice: choice }: TaskHead,
    where: string,
  ) {
    this.#description = new Field(description, 'description', where);
    this.#question = text === undefined ? null : new Field(text, 'doc_to_text', where);
    this.#target = typeof target === 'number' ? target : new Field(target!, 'doc_to_target', where);
    const field = (source: string) => new Field(source, 'doc_to_choice', where);
    this.#choice = choice === undefined ? null : Array.isArray(choice) ? choice.map(field) : field(choice);
  }

  description(doc: Doc): string {
    return this.#description.text(doc);
  }

  question(doc: Doc): string {
    const text = this.#question!.text(doc);
    if (text === '') throw invalid(doc.where, 'its question is empty. Write one, or remove the line');
    return text;
  }

  example(doc: Doc): Example {
    const [target] = this.#choice ? this.gold(doc, this.choices(doc)) : this.targets(doc);
    return {
      question: this.question(doc),
      answer: typeof target === 'number' ? this.choices(doc)[target]! : target!,
    };
  }

  choices(doc: Doc): string[] {
    const choice = this.#choice!;
    const given = 'value' in choice ? choice.value(doc) : choice.map((one) => one.text(doc));
    const values: unknown = isObject(given) ? Object.values(given) : given;
    if (!Array.isArray(values) || values.length < 2 || !values.every((one) => typeof one === 'string' && one !== '')) {
      throw invalid(doc.where, 'doc_to_choice gives no list of at least two texts. Give each question its choices');
    }
    return values as string[];
  }

  /** Places of the right choices. */
  gold(doc: Doc, choices: readonly string[]): number[] {
    const value = this.#targetOf(doc);
    // The harness takes digits that a template writes for a place, and those of a field for a choice.
    const written = this.#target instanceof Field && !this.#target.isColumn(doc);
    const golds = (Array.isArray(value) ? value : [value]).map((one: unknown) =>
      placeOf(written && typeof one === 'string' && /^\d+$/.test(one) ? Number(one) : one, choices),
    );
    if (golds.length > 0 && golds.every((gold) => gold >= 0 && gold < choices.length)) return golds;
    throw invalid(
      doc.where,
      `its answer ${JSON.stringify(value)} is none of its ${choices.length} choices. Name one, or its place from 0 on`,
    );
  }

  /** Texts that are right. */
  targets(doc: Doc): string[] {
    const value = this.#targetOf(doc);
    const texts = (Array.isArray(value) ? value : [value]).map((one: unknown) =>
      typeof one === 'string' ? one : typeof one === 'number' ? String(one) : '',
    );
    if (texts.length > 0 && texts.every((text) => text !== '')) return texts;
    throw invalid(doc.where, 'it has no answer: doc_to_target gives no text. Add the answer, or remove the line');
  }

  #targetOf(doc: Doc): unknown {
    return typeof this.#target === 'number' ? this.#target : this.#target.value(doc);
  }
}

function placeOf(value: unknown, choices: readonly string[]): number {
  if (typeof value === 'number') return Number.isInteger(value) ? value : -1;
  return typeof value === 'string' ? choices.indexOf(value) : -1;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A context as plain text. */
export function contextText({ description, examples, question }: Context, head: TaskHead): string {
  const { target_delimiter: target, fewshot_delimiter: next } = head;
  const shown = examples.map((one) => `${one.question}${target}${one.answer}${next}`);
  return [description, ...shown, question].join('');
}
