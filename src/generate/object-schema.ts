import { choice, type Expression, item, reference, scope, sequence, text } from './grammar.ts';
import { list, STRING } from './json-text.ts';
import { accepts } from './machine.ts';
import { patternMachine } from './pattern.ts';
import { invalid, isObject, readCountRange, type SchemaObject } from './schema-keywords.ts';
import type { StringSchemas } from './string-schema.ts';

/** The parts of the whole grammar that the grammar of an object needs. */
export interface Schemas {
  readonly strings: StringSchemas;
  /** The texts of a schema. @throws BambaError `setting_invalid`, also where nothing is valid */
  value(schema: unknown, path: string): Expression;
  /** The choices of a schema; none where nothing is valid. */
  alternatives(schema: unknown, path: string): SchemaObject[];
}

/** @throws BambaError `setting_invalid` */
export function objectExpression(fields: SchemaObject, path: string, schemas: Schemas): Expression {
  return new ObjectSchema(fields, path, schemas).expression();
}

class ObjectSchema {
  readonly #fields: SchemaObject;
  readonly #path: string;
  readonly #schemas: Schemas;
  readonly #properties: SchemaObject;
  readonly #required: readonly string[];
  readonly #patterns: SchemaObject;
  readonly #additional: unknown;
  /** The schema of property names; none where any is valid. */
  readonly #names: readonly SchemaObject[] | null;

  constructor(fields: SchemaObject, path: string, schemas: Schemas) {
    const { properties = {}, required = [], patternProperties = {}, propertyNames } = fields;
    if (!isObject(properties)) throw invalid(path, '"properties" takes an object of schemas');
    if (!isObject(patternProperties)) throw invalid(path, '"patternProperties" takes an object of schemas');
    if (!Array.isArray(required) || !required.every((name) => typeof name === 'string')) {
      throw invalid(path, '"required" takes a list of names');
    }
    this.#fields = fields;
    this.#path = path;
    this.#schemas = schemas;
    this.#properties = properties;
    this.#required = required;
    this.#patterns = patternProperties;
    this.#additional = fields['additionalProperties'] ?? fields['unevaluatedProperties'] ?? true;
    const names = { allOf: [{ type: 'string' }, propertyNames] };
    this.#names = propertyNames === undefined ? null : schemas.alternatives(names, `${path}/propertyNames`);
  }

  expression(): Expression {
    const listed = this.#names?.every((one) => Array.isArray(one['enum']))
      ? this.#names.flatMap((one) => one['enum'] as unknown[]).filter((name) => typeof name === 'string')
      : [];
    const names = new Set([...Object.keys(this.#properties), ...listed, ...this.#required]);
    const members = Array.from(names, (name): [string, unknown] => [name, this.#schemaOf(name)]);
    const possible = members.filter(
      ([name, schema]) => this.#required.includes(name) || this.#isPossible(name, schema),
    );
    if (possible.length > 0) return this.#members(possible);
    const open = !Object.hasOwn(this.#fields, 'properties') || isSaid(this.#fields['additionalProperties']);
    return open && this.#additional !== false ? this.#free() : this.#empty();
  }

  /** The schemas of a property: by its name, by patterns, or for all others. */
  #schemaOf(name: string): unknown {
    if (!this.#isName(name)) return false;
    const own = Object.hasOwn(this.#properties, name) ? [this.#properties[name]] : [];
    const byPattern = Object.entries(this.#patterns)
      .filter(([pattern]) => accepts(patternMachine(pattern, this.#path), name))
      .map(([, schema]) => schema);
    const all = [...own, ...byPattern];
    if (all.length === 0) return this.#additional;
    return all.length === 1 ? all[0] : { allOf: all };
  }

  #isName(name: string): boolean {
    return (
      !this.#names ||
      this.#names.some((one) => {
        const values = one['enum'] as readonly unknown[] | undefined;
        return (values?.includes(name) ?? true) && this.#schemas.strings.accepts(name, one, this.#path);
      })
    );
  }

  /** A property that can never be valid is left out. */
  #isPossible(name: string, schema: unknown): boolean {
    if (schema === false) return false;
    const composed = isObject(schema) && ('allOf' in schema || 'not' in schema);
    return !composed || this.#schemas.alternatives(schema, `${this.#path}/properties/${name}`).length > 0;
  }

  #empty(): Expression {
    const [min] = this.#counts();
    if (min > 0) throw invalid(this.#path, '"minProperties" is above the number of properties');
    return text('{}');
  }

  #counts(): [min: number, max: number] {
    return readCountRange(this.#fields, 'minProperties', 'maxProperties', this.#path);
  }

  /** Named properties in their order, those that are not required or left out. */
  #members(members: readonly [string, unknown][]): Expression {
    const [min, max] = this.#counts();
    const texts = members.map(([name, schema]) =>
      sequence(text(`${JSON.stringify(name)}: `), this.#schemas.value(schema, `${this.#path}/properties/${name}`)),
    );
    // No more is counted than makes a difference.
    const most = max === Infinity ? Math.max(1, min) : max;
    // From the last to the first: what may follow, by how many properties came before.
    let following: (Expression | null)[] = Array.from({ length: most + 1 }, (_, count) =>
      count >= min ? sequence() : null,
    );
    for (const [index, [name]] of [...members.entries()].toReversed()) {
      const after = following;
      following = Array.from({ length: most + 1 }, (_, count) => {
        const then = count < max ? after[Math.min(count + 1, most)] : null;
        const written = then ? [sequence(text(count > 0 ? ', ' : ''), texts[index]!, then)] : [];
        const skipped = this.#required.includes(name) ? null : after[count];
        const options = [...written, ...(skipped ? [skipped] : [])];
        return options.length === 0 ? null : named(choice(options));
      });
    }
    const [first] = following;
    if (first) return sequence(text('{'), first, text('}'));
    throw invalid(this.#path, 'no object has so many of its properties as are asked for');
  }

  /** Properties of any name. */
  #free(): Expression {
    const [min, max] = this.#counts();
    const patterns = Object.entries(this.#patterns).filter(([, schema]) => schema !== false);
    const members = patterns.map(([pattern, schema]) => {
      const others = Object.keys(this.#patterns).filter((other) => other !== pattern);
      return this.#member({ pattern, notPattern: others }, schema, `${this.#path}/patternProperties/${pattern}`);
    });
    const others = Object.keys(this.#patterns);
    if (others.length === 0 || isSaid(this.#fields['additionalProperties'])) {
      members.push(this.#member({ notPattern: others }, this.#additional, `${this.#path}/additionalProperties`));
    }
    const whole = list('{', choice(members), '}', min, max);
    return min > 1 ? scope(whole) : whole;
  }

  #member(key: SchemaObject, schema: unknown, path: string): Expression {
    const value = this.#schemas.value(schema, path);
    // A name that comes twice counts once.
    const names = this.#key(key);
    return sequence(this.#counts()[0] > 1 ? item(names) : names, text(': '), value);
  }

  #key(asked: SchemaObject): Expression {
    const { pattern, notPattern } = asked as { pattern?: string; notPattern: readonly string[] };
    if (!this.#names && pattern === undefined && notPattern.length === 0) return STRING;
    const path = `${this.#path}/propertyNames`;
    const names = this.#names ?? [{}];
    return choice(
      names.map((one) => {
        const patterns = [one['pattern'] ?? [], pattern ?? []].flat();
        return this.#schemas.strings.expression({ ...one, pattern: patterns, notPattern }, path);
      }),
    );
  }
}

/** Whether additional properties are asked for, and not just allowed because nothing is said. */
function isSaid(additional: unknown): boolean {
  return additional !== undefined && additional !== false;
}

/** An expression that several refer to, as a rule: it is built once. */
function named(expression: Expression): Expression {
  return reference({ expression });
}
