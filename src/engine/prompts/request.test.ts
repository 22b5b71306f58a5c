import { describe, expect, test } from 'vitest';
import type { GenerationRequest } from '../protocol.ts';
import { parseRequest } from './request.ts';

const QUESTION = { role: 'user', content: 'What?' } as const;
const BEGUN = { role: 'assistant', content: 'It is' } as const;

describe('an answer that goes on', () => {
  test('is one whose text an assistant has begun', () => {
    const goesOn = (request: object) => parseRequest({ messages: [QUESTION, BEGUN], ...request }).input;
    expect(goesOn({ continueLast: true })).toMatchObject({ continueLast: true });
    expect(goesOn({ continueLast: false })).toMatchObject({ continueLast: false });
    expect(goesOn({})).toMatchObject({ continueLast: false });
    expect(parseRequest({ messages: [QUESTION, BEGUN], continueLast: true }).sampling).toEqual({});
  });

  test.each<[string, GenerationRequest]>([
    ['a question', { messages: [QUESTION] }],
    ['an empty answer', { messages: [QUESTION, { ...BEGUN, content: '' }] }],
    ['a call', { messages: [QUESTION, { ...BEGUN, toolCalls: [{ id: '1', name: 'f', arguments: '{}' }] }] }],
    ['no message', { messages: [] }],
    ['a prompt', { prompt: 'It is' }],
    ['a form in JSON', { messages: [QUESTION, BEGUN], json: {} }],
    ['a call that is due', { messages: [QUESTION, BEGUN], tools: [{ name: 'f' }], toolChoice: 'required' }],
    ['another word', { messages: [QUESTION, BEGUN], continueLast: 'yes' as never }],
  ])('is not %s', (_what, request) => {
    expect(() => parseRequest({ continueLast: true, ...request })).toThrow(
      expect.objectContaining({ code: 'setting_invalid', message: expect.stringContaining('continueLast') }),
    );
  });
});
