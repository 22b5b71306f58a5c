import fc from 'fast-check';
import hljs from 'highlight.js/lib/common';
import { describe, expect, it } from 'vitest';
import { KINDS, readStretches } from './code-scopes.ts';

/** The words of a text with a colour, each with its kind. */
function coloursOf(text: string, language: string): [string, string][] {
  let at = 0;
  return readStretches(hljs.highlight(text, { language, ignoreIllegals: true }).value).flatMap(([end, kind]) => {
    const word = text.slice(at, end);
    at = end;
    return kind < 0 ? [] : [[word, KINDS[kind] ?? '']];
  });
}

describe('readStretches', () => {
  it('finds keywords, strings, numbers and comments', () => {
    expect(coloursOf('let x = "a<b>&" + 42; // why', 'javascript')).toEqual([
      ['let', 'keyword'],
      ['"a<b>&"', 'string'],
      ['42', 'number'],
      ['// why', 'comment'],
    ]);
    expect(coloursOf('def double(x):\n    return 2 * x', 'py')).toEqual([
      ['def', 'keyword'],
      ['double', 'name'],
      ['return', 'keyword'],
      ['2', 'number'],
    ]);
  });

  it('leaves what stands in a string without its colour, and goes on with the string', () => {
    expect(coloursOf('`a${b}c`', 'js')).toEqual([
      ['`a', 'string'],
      ['c`', 'string'],
    ]);
  });

  it('covers a text of any language to its end, and nothing besides', () => {
    const languages = fc.constantFrom('javascript', 'python', 'xml', 'css', 'bash', 'sql', 'diff', 'markdown', 'rust');
    const text = fc.array(fc.oneof(fc.string(), fc.constantFrom('<', '&amp;', '"', "'", '`', '${', '}', '\n', '//')));
    fc.assert(
      fc.property(languages, text, (language, parts) => {
        const whole = parts.join('');
        const stretches = readStretches(hljs.highlight(whole, { language, ignoreIllegals: true }).value);
        expect(stretches.at(-1)?.[0] ?? 0).toBe(whole.length);
        const ends = stretches.map(([end]) => end);
        expect(ends).toEqual(ends.toSorted((one, other) => one - other));
      }),
      { numRuns: 300 },
    );
  });
});
