import { TemplateFault, TemplateOverrun, TemplateUnsupported } from '../text/jinja/faults.ts';
import { fromJs } from '../text/jinja/from-js.ts';
import { Template } from '../text/jinja/render.ts';
import { plain } from '../text/jinja/text.ts';
import { type Doc, invalid } from './task-file.ts';

/** A template that is one expression and nothing else. */
const EXPRESSION = /^\s*\{\{-?((?:(?!\}\}|\{\{)[^])*?)-?\}\}\s*$/;

/**
 * What a task takes from each of its lines: a field by its name, or a template of Jinja over the fields.
 */
export class Field {
  readonly #name: string;
  readonly #source: string;
  readonly #text: Template;
  readonly #value: Template | null;

  /**
   * @param name of the task's own field, for people
   * @param where the task stands, for people
   * @throws BambaError `setting_invalid` where it is no template
   */
  constructor(source: string, name: string, where: string) {
    this.#name = name;
    this.#source = source;
    const expression = EXPRESSION.exec(source)?.[1];
    const read = (template: string) => explained(() => new Template(template, { strict: true }), where, name);
    this.#text = read(source);
    this.#value = expression === undefined ? null : read(`{{ (${expression}) | tojson }}`);
  }

  /** Whether it names a field of the line. */
  isColumn({ fields }: Doc): boolean {
    return Object.hasOwn(fields, this.#source);
  }

  /** As a text. @throws BambaError `setting_invalid` that names the line. */
  text(doc: Doc): string {
    const value = this.#column(doc);
    if (value !== undefined) return typeof value === 'string' ? value : JSON.stringify(value);
    return this.#render(this.#text, doc);
  }

  /** As a value of JSON: where it is one expression, that of its result. @throws BambaError as `text` */
  value(doc: Doc): unknown {
    const value = this.#column(doc);
    if (value !== undefined) return value;
    // The text says what is missing.
    const text = this.text(doc);
    if (!this.#value) return text;
    return JSON.parse(this.#render(this.#value, doc)) as unknown;
  }

  #column(doc: Doc): unknown {
    return this.isColumn(doc) ? doc.fields[this.#source] : undefined;
  }

  #render(template: Template, { fields, where }: Doc): string {
    const values = Object.entries(fields).map(([name, value]) => [name, fromJs(value, 'template')] as const);
    return explained(() => plain(template.render(values)), where, this.#name);
  }
}

function explained<Result>(work: () => Result, where: string, name: string): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof TemplateUnsupported) {
      throw invalid(where, `the template ${name} uses ${error.message}, which is not supported. Write it without`);
    }
    if (!(error instanceof TemplateFault) && !(error instanceof TemplateOverrun)) throw error;
    throw invalid(
      where,
      `the template ${name} fails: ${error.message}. Mend the template, or add the field to the line`,
    );
  }
}
