// Calls of tools in streamed text: what is text goes out at once, what is a call goes out whole.

import { isRecord } from './tokenizer-files.ts';
import type { ToolCall } from './tool-call.ts';
import { jsonEnd, type ToolFormat } from './tool-format.ts';

/** A call as a model wrote it: nobody has given it an id. */
export type WrittenCall = Omit<ToolCall, 'id'>;

/** The results of a piece of text. */
export interface ToolCallStep {
  text: string;
  calls: WrittenCall[];
}

/**
 * Takes a streamed answer apart.
 *
 * ```ts
 * const parser = new ToolCallParser(format);
 * parser.push('Let me see. <tool_'); // { text: 'Let me see. ', calls: [] }
 * parser.push('call>{"name": "f", "arguments": {}}</tool_call>'); // { text: '', calls: [{ name: 'f', arguments: '{}' }] }
 * ```
 */
export class ToolCallParser {
  readonly #format: ToolFormat;
  readonly #begin: string;
  readonly #end: string;
  /** Text that may become a part of a call. */
  #held = '';
  /** Whether `begin` has been seen, and its `end` has not. */
  #inside = false;
  /** Whether anything but space came so far. */
  #blank = true;

  constructor(format: ToolFormat) {
    this.#format = format;
    this.#begin = format.begin.trim();
    this.#end = format.end.trim();
  }

  push(piece: string): ToolCallStep {
    this.#held += piece;
    const step: ToolCallStep = { text: '', calls: [] };
    while (this.#advance(step));
    if (step.text.trim() !== '') this.#blank = false;
    return step;
  }

  /** Ends the answer: what never became a call is text. */
  flush(): string {
    const text = this.#held;
    this.#held = '';
    return text.trim() === '' && this.#inside ? '' : text;
  }

  /** One step on; false where more text is needed. */
  #advance(step: ToolCallStep): boolean {
    if (!this.#inside) return this.#lookForBegin(step);
    const start = this.#held.search(/\S/);
    if (start < 0) return false;
    if (this.#end !== '' && this.#held.startsWith(this.#end, start)) {
      this.#held = this.#held.slice(start + this.#end.length);
      this.#inside = false;
      return true;
    }
    if (this.#held[start] === ',' || this.#held[start] === ';') {
      this.#held = this.#held.slice(start + 1);
      return true;
    }
    if (this.#held[start] !== '{' && this.#held[start] !== '[') {
      // The end may be under way.
      return this.#end.startsWith(this.#held.slice(start)) ? false : this.#giveUp(step);
    }
    const end = jsonEnd(this.#held, start);
    if (end === null) return false;
    const calls = this.#read(this.#held.slice(start, end));
    if (!calls) return this.#giveUp(step);
    step.calls.push(...calls);
    this.#held = this.#held.slice(end);
    // Without marks around, whatever comes next is looked at anew.
    if (this.#begin === '') this.#inside = this.#held.trim() === '' || /^\s*[,;]/.test(this.#held);
    this.#blank = false;
    return true;
  }

  #lookForBegin(step: ToolCallStep): boolean {
    if (this.#begin === '') {
      // Such a call is the whole answer, or none.
      const first = this.#held.trimStart()[0];
      if (first === undefined) return false;
      this.#inside = this.#blank && (first === '{' || (first === '[' && this.#format.list));
      if (!this.#inside) this.#release(step, this.#held.length);
      return this.#inside;
    }
    const at = this.#held.indexOf(this.#begin);
    if (at < 0) {
      // With the space before it, which would belong to a call.
      const certain = this.#held.slice(0, this.#held.length - possibleBeginning(this.#held, this.#begin));
      this.#release(step, certain.trimEnd().length);
      return false;
    }
    // Space before a call separates it from the text, and is no part of it.
    step.text += this.#held.slice(0, at).trimEnd();
    this.#held = this.#held.slice(at + this.#begin.length);
    this.#inside = true;
    return true;
  }

  #release(step: ToolCallStep, length: number): void {
    step.text += this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
  }

  /** The text looked like a call, and is none. */
  #giveUp(step: ToolCallStep): boolean {
    step.text += this.#begin;
    this.#inside = false;
    this.#blank = false;
    if (this.#begin === '') this.#release(step, this.#held.length);
    return this.#held !== '';
  }

  #read(json: string): WrittenCall[] | null {
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch {
      return null;
    }
    const calls: WrittenCall[] = [];
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (!isRecord(one) || typeof one.name !== 'string') return null;
      const given = one[this.#format.argumentsKey] ?? one.arguments ?? one.parameters ?? {};
      if (!isRecord(given)) return null;
      calls.push({ name: one.name, arguments: JSON.stringify(given) });
    }
    return calls;
  }
}

/** Length of the longest end of a text that begins a mark. */
function possibleBeginning(text: string, mark: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(mark.slice(0, length))) return length;
  }
  return 0;
}
