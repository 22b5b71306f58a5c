// Arguments of calls in earlier turns, as templates see them. They come back as clients stored them: as a model wrote
// them once, or empty.

import { WholeFloat } from './jinja/from-js.ts';
import { isRecord } from './tokenizer-files.ts';

/**
 * The arguments of a call, as a template gets them.
 *
 * @param text the JSON of an object; nothing at all, spaces and `null` count as `{}`
 * @returns the object, its numbers as Python reads them; the text itself where it is not the JSON of an object
 */
export function readToolArguments(text: string | null | undefined): object | string {
  const json = (text ?? '').trim();
  if (json === '' || json === 'null') return {};
  try {
    const value = parseNumbers(json);
    return isRecord(value) ? value : text!;
  } catch {
    return text!;
  }
}

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/**
 * JSON in which 1.0 is not 1, and long integers keep their digits: models write both, and templates show them.
 *
 * @throws SyntaxError
 */
function parseNumbers(json: string): unknown {
  // A text that is no JSON must not become JSON below, and no key in it may be this one.
  const canonical = JSON.stringify(JSON.parse(json));
  let key = 'number';
  while (canonical.includes(key)) key += '_';
  const marked = json.replaceAll(STRING_OR_NUMBER, (part) => (part.startsWith('"') ? part : `{"${key}":"${part}"}`));
  return JSON.parse(marked, (_, value: unknown) => {
    const digits = isRecord(value) ? value[key] : undefined;
    return typeof digits === 'string' ? exactNumber(digits) : value;
  });
}

function exactNumber(text: string): number | bigint | WholeFloat {
  const number = Number(text);
  if (!/^-?\d+$/.test(text)) return Number.isInteger(number) ? new WholeFloat(number) : number;
  return Number.isSafeInteger(number) && !Object.is(number, -0) ? number : BigInt(text);
}
