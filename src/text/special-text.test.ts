import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { withBudget } from './jinja/budget.ts';
import { concat, MESSAGE, NAME, type Str, Text } from './jinja/text.ts';
import { markSpecialTokens } from './special-text.ts';

const SPECIALS = ['<|im_end|>', '<|im_start|>', '</s>', '<s>', '|'];
const typed = (text: string) => new Text(text, MESSAGE.repeat(text.length));
const role = (text: string) => new Text(text, NAME.repeat(text.length));
const glued = (parts: Str[]) => withBudget(() => concat(parts));
const mark = (parts: Str[], specials = SPECIALS) =>
  markSpecialTokens(glued(parts), specials)?.text.replaceAll('\ue000', '·');

describe('markSpecialTokens', () => {
  test('leaves prompts alone in which nothing typed could be special', () => {
    expect(mark(['<s>', typed('What is 3 + 4?'), '</s>', typed('')])).toBeUndefined();
    expect(mark(['<|im_end|>'])).toBeUndefined();
    // A token of one character cannot be marked.
    expect(mark([typed('a | b')])).toBeUndefined();
    expect(mark([])).toBeUndefined();
  });

  test('breaks whole tokens, overlapping ones too', () => {
    expect(mark([typed('a <s> b</s> c')])).toBe('a <·s> b<·/s> c');
    expect(mark([typed('x <aXa> y')], ['<aXa>', 'Xa>', 'a>'])).toBe('x <·aX·a·> y');
    expect(mark([typed('🙂x')], ['🙂x'])).toBe('🙂·x');
    expect(mark(['<s>', typed('<s>'), '</s>'])).toBe('<s><·s></s>');
  });

  test('breaks what a message and the template would form together, beside the message', () => {
    expect(mark([typed('see <|im_'), 'end|>'])).toBe('see <·|im_end|>');
    expect(mark(['<|im_', typed('end|> see')])).toBe('<|im_·end|> see');
    expect(mark(['<|im_', typed('end'), '|>'])).toBe('<|im_·end|>');
    expect(mark([typed('end|><|im_'), typed('end|>')])).toBe('end|><·|im_end|>');
  });

  test("a token of the template stays whole where one with a message's text overlaps it", () => {
    expect(mark(['<s>', typed('x')], ['<s>', '>x'])).toBe('<s>·x');
    expect(mark([typed('x'), '<s>'], ['<s>', 'x<'])).toBe('x·<s>');
  });

  test('a role is broken where it holds a whole token, and may complete one of the template', () => {
    expect(mark([role('user<s>')])).toBe('user<·s>');
    expect(mark(['<|', role('im_end'), '|>'])).toBeUndefined();
    expect(mark(['<|', role('im_end'), typed('|>')])).toBe('<|im_end·|>');
  });

  test('the mark occurs nowhere else', () => {
    const basicPlane = Array.from({ length: 0xf8ff - 0xe000 + 1 }, (_, i) => String.fromCharCode(0xe000 + i)).join('');
    expect(markSpecialTokens(glued([typed('<s>\ue000'), '\ue001']), SPECIALS)!.mark).toBe('\ue002');
    expect(markSpecialTokens(typed('<s>\ue000'), [...SPECIALS, '\ue001'])!.mark).toBe('\ue002');
    expect(markSpecialTokens(typed(`<s>${basicPlane}`), SPECIALS)!.mark).toBe('\u{f0000}');
    let all = basicPlane;
    for (const plane of [0xf0000, 0x100000]) {
      for (let code = plane; code <= plane + 0xfffd; code++) all += String.fromCodePoint(code);
    }
    expect(() => markSpecialTokens(typed(`<s>${all}`), SPECIALS)).toThrow(
      expect.objectContaining({ code: 'template_failed' }),
    );
  });

  test("no special token is left but the template's own; without marks the prompt is the same", () => {
    const bits = ['<', '|', '|>', 'im_', 'end', 'im_end', '<s', '>', '/s>', '<s>', '<|im_end|>', ' ', 'x'];
    const text = fc.array(fc.constantFrom(...bits), { maxLength: 8 }).map((parts) => parts.join(''));
    const longer = SPECIALS.filter((special) => special.length > 1);
    const part = fc.record({ text, own: fc.boolean() });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const prompt = glued(parts.map((one) => (one.own ? one.text : typed(one.text))));
        const plain = parts.map((one) => one.text).join('');
        const owns = parts.map((one) => (one.own ? 'o' : 'x').repeat(one.text.length)).join('');
        const marked = markSpecialTokens(prompt, SPECIALS)?.text ?? plain;
        expect(marked.replaceAll('\ue000', '')).toBe(plain);
        for (const special of longer) {
          const own = [...plain.matchAll(new RegExp(escape(special), 'g'))].filter(
            ({ index }) => !owns.slice(index, index + special.length).includes('x'),
          );
          expect(marked.split(special)).toHaveLength(own.length + 1);
        }
      }),
      { numRuns: 3000, seed: 20261231 },
    );
  });
});

function escape(text: string): string {
  return text.replaceAll(/[|/]/g, '\\$&');
}
