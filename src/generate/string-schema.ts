import { EVERY } from './characters.ts';
import { type Expression, reference, repeat, sequence, text } from './grammar.ts';
import { CHARACTER, stringOf } from './json-text.ts';
import { accepts, common, explore, type Machine, TooManyStates } from './machine.ts';
import { patternMachine } from './pattern.ts';
import { invalid, readCountRange, readTexts, type SchemaObject } from './schema-keywords.ts';
import { formatPattern } from './string-formats.ts';

/**
 * The strings of schemas; equal ones are built once. Beside the keywords of the standard, fields may have `notPattern`:
 * patterns that do not match.
 */
export class StringSchemas {
  readonly #machines = new Map<string, Machine>();
  readonly #expressions = new Map<string, Expression>();

  /** @throws BambaError `setting_invalid` */
  expression(fields: SchemaObject, path: string): Expression {
    const [min] = readCountRange(fields, 'minLength', 'maxLength', path);
    const key = keyOf(fields);
    let expression = this.#expressions.get(key);
    if (!expression) {
      const machine = this.#machine(fields, path);
      const whole = machine ? stringOf(machine) : sequence(text('"'), repeat(CHARACTER, min, Infinity), text('"'));
      expression = reference({ expression: whole });
      this.#expressions.set(key, expression);
    }
    return expression;
  }

  /** Whether a string is valid. A format is a note about what an `enum` lists. @throws BambaError `setting_invalid` */
  accepts(value: string, fields: SchemaObject, path: string): boolean {
    const [min, max] = readCountRange(fields, 'minLength', 'maxLength', path);
    const { length } = Array.from(value);
    if (length < min || length > max) return false;
    return readTexts(fields, 'pattern', path).every((pattern) => accepts(this.#pattern(pattern, path), value));
  }

  #pattern(pattern: string, path: string): Machine {
    let machine = this.#machines.get(pattern);
    if (!machine) this.#machines.set(pattern, (machine = patternMachine(pattern, path)));
    return machine;
  }

  /** The machine of all that is said about characters; null where they are free. */
  #machine(fields: SchemaObject, path: string): Machine | null {
    const patterns = readTexts(fields, 'pattern', path).map((pattern) => this.#pattern(pattern, path));
    const formats = readTexts(fields, 'format', path)
      .flatMap((format) => formatPattern(format) ?? [])
      .map((pattern) => this.#pattern(pattern, path));
    const others = readTexts(fields, 'notPattern', path).map((pattern) => this.#pattern(pattern, path));
    const [min, max] = readCountRange(fields, 'minLength', 'maxLength', path);
    // Where strings are short, each is spelled in one way: items that have to differ could come to a dead end.
    if (patterns.length + formats.length + others.length === 0 && max === Infinity) return null;
    const lengths = lengthMachine(min, max);
    const asked = [
      ...[EVERY_TEXT, ...patterns, ...(lengths ? [lengths] : [])].map((machine) => ({ machine })),
      ...others.map((machine) => ({ machine, negative: true })),
    ];
    const named = formats.map((machine) => ({ machine }));
    try {
      // A pattern knows better than the name of a format: where no text has both, the name is a note.
      const machine = common([...asked, ...named]) ?? (patterns.length > 0 ? common(asked) : null);
      if (machine) return machine;
    } catch (error) {
      if (!(error instanceof TooManyStates)) throw error;
      throw invalid(path, 'pattern, format and lengths together take more states than can be kept; leave one out');
    }
    throw invalid(path, 'no string is valid: pattern, format and lengths exclude each other');
  }
}

function keyOf({ pattern, notPattern, format, minLength, maxLength }: SchemaObject): string {
  return JSON.stringify([pattern, notPattern, format, minLength, maxLength]);
}

const EVERY_TEXT: Machine = { classes: [EVERY], states: [{ ends: true, next: new Map([[0, 0]]) }] };

/** Texts of so many characters; null for any. */
function lengthMachine(min: number, max: number): Machine | null {
  if (min === 0 && max === Infinity) return null;
  const last = max === Infinity ? min : max;
  return explore<number>(
    [EVERY],
    0,
    (length) => (length < last ? length + 1 : max === Infinity ? last : null),
    (length) => length >= min,
    String,
  );
}
