import { describe, expect, test } from 'vitest';
import { Automaton, type Place } from '../../generate/automaton.ts';
import type { Expression } from '../../generate/grammar.ts';
import type { Tool } from '../protocol.ts';
import { callGrammar } from './tools.ts';

/** Whether a text is one of a grammar's. */
function accepts(grammar: Expression, text: string): boolean {
  let place: Place | null = new Automaton(grammar).start;
  for (const byte of new TextEncoder().encode(text)) place = place?.next(byte) ?? null;
  return place?.complete ?? false;
}

const tools: Tool[] = [
  { name: 'now' },
  { name: 'add', parameters: { properties: { a: { enum: [1, 2] } }, required: ['a'] } },
];
const now = '{"name": "now", "arguments": {}}';
const add = '{"name": "add", "arguments": {"a": 2}}';
const marked = (call: string) => `<tool_call>\n${call}\n</tool_call>`;

describe('the grammar of calls', () => {
  const format = { begin: '<tool_call>\n', end: '\n</tool_call>', list: false, argumentsKey: 'arguments' };

  test.each([
    [marked(now), true],
    [marked(add), true],
    [`${marked(add)}\n${marked(now)}`, true],
    ['', false],
    ['Hello', false],
    [now, false],
    [marked(add.replace('2', '3')), false],
    [marked(now.replace('now', 'then')), false],
    [`${marked(now)} Done.`, false],
  ])('of any tool: %j', (text, valid) => {
    expect(accepts(callGrammar(format, tools, null), text)).toBe(valid);
  });

  test('of one tool has that one, once', () => {
    const grammar = callGrammar(format, tools, 'add');
    expect([marked(add), marked(now), `${marked(add)}\n${marked(add)}`].map((text) => accepts(grammar, text))).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('in a list, and with other keys', () => {
    const list = { begin: '[TOOL_CALLS] ', end: '', list: true, argumentsKey: 'arguments' };
    expect(accepts(callGrammar(list, tools, null), `[TOOL_CALLS] [${now}, ${add}]`)).toBe(true);
    const bare = { begin: '', end: '', list: false, argumentsKey: 'parameters' };
    expect(accepts(callGrammar(bare, tools, null), now.replace('arguments', 'parameters'))).toBe(true);
    expect(accepts(callGrammar(bare, tools, null), now)).toBe(false);
  });

  test('names the tool whose parameters cannot be kept to', () => {
    const odd = [{ name: 'odd', parameters: { properties: { a: { contains: {} } } } }];
    expect(() => callGrammar(format, odd, null)).toThrow(/tool odd cannot be forced.*"contains"/);
  });
});
