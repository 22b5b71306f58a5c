import type { ChatMessage, GenerationRequest } from '../../engine/protocol.ts';
import { fault } from './faults.ts';
import type { LanguageModelPromptOptions } from './types.ts';

/** The form of an answer. */
export interface ResponseForm {
  request: Pick<GenerationRequest, 'json' | 'pattern'>;
  /** The text that tells the model of it; empty for nothing. */
  hint: string;
}

/** They change where or how often a pattern is looked for, not what it matches. */
const IDLE_FLAGS = new Set('dguy');

/**
 * Reads what an answer is held to.
 * @returns null where it is free
 * @throws TypeError for a value that is neither a schema nor a regular expression, and for `omitResponseConstraintInput`
 * alone; DOMException `NotSupportedError` for flags that cannot be kept to
 */
export function readConstraint({
  responseConstraint: constraint,
  omitResponseConstraintInput: omitted = false,
}: LanguageModelPromptOptions): ResponseForm | null {
  if (constraint === undefined || constraint === null) {
    if (omitted) throw new TypeError('omitResponseConstraintInput goes with a responseConstraint.');
    return null;
  }
  if (typeof constraint !== 'object' || Array.isArray(constraint)) {
    throw new TypeError('responseConstraint takes a JSON Schema, an object, or a regular expression.');
  }
  if (isRegExp(constraint)) {
    const hint = omitted ? '' : `Answer with a text that matches this regular expression: ${String(constraint)}`;
    return { request: { pattern: patternOf(constraint) }, hint };
  }
  const schema = JSON.parse(JSON.stringify(constraint)) as object;
  const hint = omitted ? '' : `Answer with JSON that is valid by this schema: ${JSON.stringify(schema)}`;
  return { request: { json: { schema } }, hint };
}

/** One of another frame is one, too. */
function isRegExp(value: object): value is RegExp {
  return Object.prototype.toString.call(value) === '[object RegExp]';
}

function patternOf({ source, flags }: RegExp): string {
  const other = Array.from(flags).find((flag) => !IDLE_FLAGS.has(flag));
  if (other !== undefined) {
    throw fault(
      'NotSupportedError',
      `The flag ${other} of a regular expression cannot be kept to. Write what it does into the expression.`,
    );
  }
  if (!flags.includes('u') && /\\(?:[pP]|u)\{/.test(source)) {
    throw fault(
      'NotSupportedError',
      'Without the flag u, \\p{…} and \\u{…} are plain letters. Give the expression the flag u.',
    );
  }
  return source;
}

/** The same messages, with the last question telling of the form. */
export function withHint(messages: readonly ChatMessage[], form: ResponseForm | null): ChatMessage[] {
  const at = form?.hint ? messages.findLastIndex(({ role }) => role === 'user') : -1;
  return messages.map((message, index) =>
    index === at ? { ...message, content: `${message.content}\n\n${form!.hint}` } : message,
  );
}
