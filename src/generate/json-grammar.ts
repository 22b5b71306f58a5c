// JSON Schemas as grammars. Every text of such a grammar is valid, but not every valid text is in it. JSON is written in one
// way (`{"a": 1, "b": [2, 3]}`). Properties come in the order of the schema, and no others where it names some. And numbers
// have at most 15 digits, or with bounds two digits behind the point and so many more as the bounds. Texts of a `format`
// have one of its usual forms; a format that is not known is a note.

import { countTexts } from './automaton.ts';
import { choice, type Expression, item, NOTHING, reference, type Rule, scope, text } from './grammar.ts';
import { ANY, BOOLEAN, jsonText, list, NULL } from './json-text.ts';
import { acceptsNumber, numberExpression } from './number-schema.ts';
import { objectExpression, type Schemas } from './object-schema.ts';
import {
  assertsOf,
  invalid,
  isObject,
  isOfType,
  type JsonType,
  readCountRange,
  readSchema,
  type SchemaObject,
  type SchemaParts,
  typesOf,
} from './schema-keywords.ts';
import { merge } from './schema-merge.ts';
import { StringSchemas } from './string-schema.ts';

/** Combinations of choices that are tried out. */
const MOST_COMBINED = 256;

/**
 * The JSON texts that are valid under a schema.
 * @throws BambaError `setting_invalid` naming the place in the schema, and what cannot be kept to
 */
export function jsonGrammar(schema: unknown): Expression {
  return new SchemaGrammar(schema).whole();
}

class SchemaGrammar implements Schemas {
  readonly strings = new StringSchemas();
  readonly #schema: unknown;
  /** The parts of the schema that references name, and schemas that were put together of several. */
  readonly #rules = new Map<string, Rule>();
  /** References that are being followed without an object or array around: to meet one again would never end. */
  #following: string[] = [];

  constructor(schema: unknown) {
    this.#schema = schema;
  }

  whole(): Expression {
    return this.value(this.#schema, '#');
  }

  value(schema: unknown, path: string): Expression {
    const parts = readSchema(schema, path);
    if (!parts) throw invalid(path, 'nothing is valid here');
    const { fields, ref, all, choices, nullable } = parts;
    const own = Object.keys(fields).length > 0;
    const orNull = (expression: Expression) => (nullable ? choice([expression, NULL]) : expression);
    if (!ref && all.length + choices.length === 0) return orNull(this.#ofFields(fields, path));
    if (ref && !own && all.length + choices.length === 0) return orNull(this.#reference(ref, path));
    if (!ref && !own && all.length === 0 && choices.length === 1) return orNull(this.#choice(choices[0]!, path));
    return this.#rule(JSON.stringify(schema), () => {
      const alternatives = this.alternatives(schema, path);
      if (alternatives.length === 0) throw invalid(path, 'nothing is valid here');
      return choice(alternatives.map((one) => this.#ofFields(one, path)));
    });
  }

  alternatives(schema: unknown, path: string): SchemaObject[] {
    const parts = readSchema(schema, path);
    if (!parts) return [];
    let combined: SchemaObject[] = [parts.fields];
    for (const others of this.#combinations(parts, path)) {
      combined = combined.flatMap((one) => others.map((other) => merge(one, other))).filter((one) => one !== null);
      if (combined.length > MOST_COMBINED) throw invalid(path, 'too many choices stand beside each other');
    }
    const possible = combined.filter((one) => one['enum'] === undefined || this.#valid(one, path).length > 0);
    return parts.nullable ? [...possible, { type: ['null'] }] : possible;
  }

  /** Alternatives beside the fields of a schema: lists of which one holds. */
  #combinations({ ref, all, choices }: SchemaParts, path: string): SchemaObject[][] {
    const target = ref === null ? [] : [this.#follow(ref, path, () => this.alternatives(this.#target(ref, path), ref))];
    return [
      ...target,
      ...all.map((one, index) => this.alternatives(one, `${path}/allOf/${index}`)),
      ...choices.map((options) => options.flatMap((one, index) => this.alternatives(one, `${path}/${index}`))),
    ];
  }

  #choice(options: readonly unknown[], path: string): Expression {
    const some = options.flatMap((one, index) => {
      const at = `${path}/${index}`;
      return readSchema(one, at) ? [this.value(one, at)] : [];
    });
    if (some.length === 0) throw invalid(path, 'nothing is valid here');
    return choice(some);
  }

  /** The texts of fields without references and choices. */
  #ofFields(fields: SchemaObject, path: string): Expression {
    if (fields['enum'] !== undefined) return this.#values(fields, path);
    const types = typesOf(fields);
    return types ? choice(types.map((type) => this.#ofType(type, fields, path))) : ANY;
  }

  #ofType(type: JsonType, fields: SchemaObject, path: string): Expression {
    switch (type) {
      case 'object':
        return this.#inside(() => objectExpression(fields, path, this));
      case 'array':
        return this.#inside(() => this.#array(fields, path));
      case 'string':
        return this.strings.expression(fields, path);
      case 'integer':
      case 'number':
        return numberExpression(type, fields, path);
      case 'boolean':
        return BOOLEAN;
      default:
        return NULL;
    }
  }

  #values(fields: SchemaObject, path: string): Expression {
    const texts = this.#valid(fields, path).map(jsonText);
    if (texts.length === 0) throw invalid(path, 'no value is valid here');
    return choice([...new Set(texts)].map(text));
  }

  /** The values of an `enum` for which the other fields hold as well. */
  #valid(fields: SchemaObject, path: string): readonly unknown[] {
    const types = fields['type'] as readonly JsonType[] | undefined;
    return (fields['enum'] as readonly unknown[])
      .filter((value) => !types || types.some((type) => isOfType(value, type)))
      .filter((value) => this.#accepts(value, fields, path));
  }

  #accepts(value: unknown, fields: SchemaObject, path: string): boolean {
    if (typeof value === 'string') return this.strings.accepts(value, fields, path);
    if (typeof value === 'number') return acceptsNumber(value, fields, path);
    const type = Array.isArray(value) ? 'array' : 'object';
    if (typeof value !== 'object' || value === null || !assertsOf(type, fields)) return true;
    throw invalid(path, `"enum" and "const" of an ${type} cannot be kept to beside what is said of its parts`);
  }

  /** The parts of an object or array: references in it may lead back. */
  #inside(part: () => Expression): Expression {
    const following = this.#following;
    this.#following = [];
    const expression = part();
    this.#following = following;
    return expression;
  }

  #follow<Result>(ref: string, path: string, then: () => Result): Result {
    if (this.#following.includes(ref)) throw invalid(path, `"$ref" leads to itself`);
    this.#following.push(ref);
    const result = then();
    this.#following.pop();
    return result;
  }

  #reference(ref: string, path: string): Expression {
    return this.#follow(ref, path, () => this.#rule(ref, () => this.value(this.#target(ref, path), ref)));
  }

  /** An expression that is built once, and may refer to itself. */
  #rule(name: string, build: () => Expression): Expression {
    const known = this.#rules.get(name);
    if (known) return reference(known);
    const rule: Rule = { expression: NOTHING };
    this.#rules.set(name, rule);
    rule.expression = build();
    return reference(rule);
  }

  #target(ref: string, path: string): unknown {
    let target: unknown = this.#schema;
    for (const part of ref.split('/').slice(1)) {
      const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
      target = Array.isArray(target)
        ? target[Number(key)]
        : isObject(target) && Object.hasOwn(target, key)
          ? target[key]
          : undefined;
    }
    if (target === undefined) throw invalid(path, `there is no ${ref}`);
    return target;
  }

  #array(fields: SchemaObject, path: string): Expression {
    const unique = fields['uniqueItems'] === true;
    const whole = this.#list(fields, path, unique ? item : (one) => one);
    return unique ? scope(whole) : whole;
  }

  /** @param as what an item is made of its value */
  #list(fields: SchemaObject, path: string, as: (value: Expression) => Expression): Expression {
    const { prefixItems = [] } = fields;
    const given = fields['items'] ?? fields['unevaluatedItems'];
    const items = given === undefined || readSchema(given, `${path}/items`) ? given : false;
    if (!Array.isArray(prefixItems)) throw invalid(path, '"prefixItems" takes a list of schemas');
    const [min, max] = readCountRange(fields, 'minItems', 'maxItems', path);
    const first = prefixItems
      .slice(0, max)
      .map((schema, index) => as(this.value(schema, `${path}/prefixItems/${index}`)));
    // After a list of first items others come only where they are asked for.
    const closed = items === false || (items === undefined && first.length > 0 && min <= first.length);
    if (!closed && max > first.length) {
      const value = this.value(items ?? true, `${path}/items`);
      if (as === item) this.#checkCount(value, min, path);
      return list('[', as(value), ']', min, max, first);
    }
    if (min > first.length) throw invalid(path, '"minItems" is above the number of items');
    return list('[', NOTHING, ']', first.length, first.length, first);
  }

  /** Items that have to differ run out. */
  #checkCount(value: Expression, min: number, path: string): void {
    const count = countTexts(value, min);
    if (count < min) throw invalid(path, `"minItems" is ${min}, and there are ${count} different items`);
  }
}
