// How a model writes calls of tools. There is no standard for it: each chat template shows it, by the way in which it
// writes down the calls of earlier turns. So a call is rendered, and what stands around it is read off.

import { BambaError } from '../errors.ts';
import type { ChatTemplate } from './chat-template.ts';
import type { Message } from './template-message.ts';
import type { Tool } from './tool-call.ts';
import { isRecord } from './tokenizer-files.ts';

/** Calls of tools as text: `begin`, the JSON of an object with a name and arguments or of a list of them, `end`. */
export interface ToolFormat {
  readonly begin: string;
  readonly end: string;
  /** Whether calls stand in a list. */
  readonly list: boolean;
  /** The key of the arguments: `arguments`, or `parameters`. */
  readonly argumentsKey: string;
}

const NAME = 'probe_of_the_format';
const ARGUMENTS = '{"probed": "yes"}';
const QUESTION: Message = { role: 'user', content: 'Probe.' };
const TOOL: Tool = { name: NAME, description: 'Probes.' };
const CALL: Message = {
  role: 'assistant',
  content: '',
  toolCalls: [{ id: 'probe0001', name: NAME, arguments: ARGUMENTS }],
};

/**
 * Reads the format of calls off a chat template.
 * @param ends strings that end a message, which are no part of a call
 * @throws BambaError `template_failed` for a template that shows no tools, or writes calls otherwise than in JSON
 */
export function readToolFormat(template: ChatTemplate, ends: readonly string[]): ToolFormat {
  const offered = template.render([QUESTION], { tools: [TOOL], addGenerationPrompt: true });
  if (!offered.includes(NAME)) {
    throw new BambaError(
      'template_failed',
      "This model was not taught to call tools: its chat template does not show them. Leave 'tools' out.",
    );
  }
  const called = template.render([QUESTION, CALL], { tools: [TOOL] });
  const answer = called.slice(sharedLength(offered, called));
  const found = findCall(answer);
  if (!found) {
    throw new BambaError(
      'template_failed',
      "This model does not write calls of tools in JSON, and other forms are not read. Leave 'tools' out.",
    );
  }
  const before = answer.slice(0, found.start);
  const behind = answer.slice(found.end);
  const cut = Math.min(behind.length, ...ends.map((end) => behind.indexOf(end)).filter((at) => at >= 0));
  const list = /\[\s*$/.test(before) && /^\s*\]/.test(behind);
  return {
    begin: (list ? before.replace(/\[\s*$/, '') : before).trimStart(),
    end: (list ? behind.slice(0, cut).replace(/^\s*\]/, '') : behind.slice(0, cut)).trimEnd(),
    list,
    argumentsKey: found.argumentsKey,
  };
}

/** The innermost object that names the probe and has its arguments. */
function findCall(text: string): { start: number; end: number; argumentsKey: string } | null {
  const name = text.indexOf(NAME);
  for (let start = text.lastIndexOf('{', name); start >= 0; start = text.lastIndexOf('{', start - 1)) {
    const end = jsonEnd(text, start);
    const value = end === null ? null : parse(text.slice(start, end));
    if (isRecord(value) && value.name === NAME) {
      const entry = Object.entries(value).find(([, one]) => isRecord(one) && Object.hasOwn(one, 'probed'));
      if (entry) return { start, end: end!, argumentsKey: entry[0] };
    }
    if (start === 0) break; // lastIndexOf takes -1 for 0
  }
  return null;
}

/** Where the object or list that begins at `start` ends; null while it does not. */
export function jsonEnd(text: string, start: number): number | null {
  let depth = 0;
  let inString = false;
  for (let index = start; index < text.length; index++) {
    const character = text[index]!;
    if (inString) {
      if (character === '\\') index++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') depth++;
    else if ((character === '}' || character === ']') && --depth === 0) return index + 1;
  }
  return null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
