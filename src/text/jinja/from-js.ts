// Values of JavaScript as values of a template.

import { TemplateUnsupported } from './faults.ts';
import { MESSAGE, NAME, Text } from './text.ts';
import { Dict, type Value } from './values.ts';

/** A number that Python would have as a float although it is whole: JSON text tells 1.0 from 1, JavaScript does not. */
export class WholeFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** Whose text strings are. */
export type Author = 'template' | 'message' | 'name';

/**
 * A value of JSON as a template sees it. A whole number is an integer.
 *
 * @param author whose text its strings are, also the names in it
 * @throws TemplateUnsupported for functions and other values that JSON has not
 */
export function fromJs(value: unknown, author: Author): Value {
  switch (typeof value) {
    case 'string':
      return authored(value, author);
    case 'number':
      return Number.isInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
    case 'boolean':
    case 'bigint':
      return value;
    case 'undefined':
      return null;
    case 'object':
      if (value === null) return null;
      if (Array.isArray(value)) return value.map((item) => fromJs(item, author));
      if (value instanceof WholeFloat) return value.value;
      return new Dict(fieldsOf(value).map(([name, field]) => [authored(name, author), fromJs(field, author)] as const));
    default:
      throw new TemplateUnsupported(`a variable that is a ${typeof value}`);
  }
}

/** The fields of an object that are there: JSON leaves out those that are undefined. */
export function fieldsOf(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, field]) => field !== undefined);
}

function authored(text: string, author: Author): Value {
  if (author === 'template' || text === '') return text;
  return new Text(text, (author === 'name' ? NAME : MESSAGE).repeat(text.length));
}
