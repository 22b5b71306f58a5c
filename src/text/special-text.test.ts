import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { markSpecialTokens } from './special-text.ts';

const SPECIALS = ['<|im_end|>', '<|im_start|>', '</s>', '<s>', '|'];
const message = (content: string, role = 'user') => ({ role, content });

describe('markSpecialTokens', () => {
  test('leaves messages alone in which nothing could be special', () => {
    expect(markSpecialTokens([message('What is 3 + 4?'), message('')], SPECIALS, '')).toBeNull();
    // A token of one character cannot be marked.
    expect(markSpecialTokens([message('a | b')], SPECIALS, '')).toBeNull();
    expect(markSpecialTokens([], SPECIALS, '')).toBeNull();
  });

  test('breaks whole tokens, overlapping ones too, and the edges', () => {
    const mark = (content: string, specials = SPECIALS) =>
      markSpecialTokens([message(content)], specials, '')?.messages[0]?.content.replaceAll('\ue000', '·');
    expect(mark('a <s> b</s> c')).toBe('a <·s> b<·/s> c');
    expect(mark('x <aXa> y', ['<aXa>', 'Xa>', 'a>'])).toBe('x <·aX·a·> y');
    expect(mark('see <|im_ ')).toBe('see <|im_· ');
    expect(mark(' end|> see')).toBe(' ·end|> see');
    expect(mark(' im_ ')).toBe(' ·im_ ');
    expect(mark('🙂x', ['🙂x'])).toBe('·🙂·x');
  });

  test('a role is broken where it holds a whole token', () => {
    const marked = markSpecialTokens([message('Hi', 'user<s>'), message('Hi', 'user')], SPECIALS, '')!;
    expect(marked.messages.map(({ role }) => role)).toEqual(['user<\ue000s>', 'user']);
  });

  test('the mark occurs nowhere else', () => {
    const basicPlane = Array.from({ length: 0xf8ff - 0xe000 + 1 }, (_, i) => String.fromCharCode(0xe000 + i)).join('');
    expect(markSpecialTokens([message('<s>\ue000')], SPECIALS, '\ue001')!.mark).toBe('\ue002');
    expect(markSpecialTokens([message(`<s>${basicPlane}`)], SPECIALS, '')!.mark).toBe('\u{f0000}');
    let all = basicPlane;
    for (const plane of [0xf0000, 0x100000]) {
      for (let code = plane; code <= plane + 0xfffd; code++) all += String.fromCodePoint(code);
    }
    expect(() => markSpecialTokens([message(`<s>${all}`)], SPECIALS, '')).toThrow(
      expect.objectContaining({ code: 'template_failed' }),
    );
  });

  test('no special token is left, whatever the template puts around; without marks the messages are the same', () => {
    const part = fc.constantFrom(
      '<',
      '|',
      '|>',
      'im_',
      'end',
      'im_end',
      '<s',
      '>',
      '/s>',
      '<s>',
      '<|im_end|>',
      ' ',
      'x',
    );
    const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
    const longer = SPECIALS.filter((special) => special.length > 1);
    fc.assert(
      fc.property(text, fc.constantFrom(...longer), fc.nat(), fc.nat(), (content, around, a, b) => {
        const marked = markSpecialTokens([message(content)], SPECIALS, '');
        const inside = marked?.messages[0]?.content ?? content;
        expect(inside.replaceAll('\ue000', '')).toBe(content);
        // A beginning of a special token before, an end of one behind: neither may become whole.
        const before = around.slice(0, a % around.length);
        const behind = around.slice(around.length - (b % around.length));
        for (const value of [inside, inside.trim()]) {
          fc.pre(value.trim() !== '');
          for (const special of longer) expect((before + value + behind).includes(special)).toBe(false);
        }
      }),
      { numRuns: 3000, seed: 20261231 },
    );
  });
});
