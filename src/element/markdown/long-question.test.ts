import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldedLength } from './long-question.ts';

describe('foldedLength', () => {
  it('leaves a question whole that is not long', () => {
    for (const question of ['', 'What?', 'x'.repeat(1600), 'line\n'.repeat(15)]) {
      expect(foldedLength(question)).toBe(question.length);
    }
  });

  it('cuts a long one between words, or after some lines', () => {
    const words = 'word '.repeat(1000);
    expect(words.slice(0, foldedLength(words))).toMatch(/^(word )+word$/);
    expect(foldedLength(words)).toBeGreaterThan(700);
    const lines = Array.from({ length: 40 }, (_, index) => `Line ${index}`);
    expect(lines.join('\n').slice(0, foldedLength(lines.join('\n')))).toBe(lines.slice(0, 8).join('\n'));
    expect(foldedLength('x'.repeat(5000))).toBe(800);
  });

  it('always hides a good part, or nothing, and cuts no character in two', () => {
    const part = fc.oneof(fc.constantFrom('😀', '\n', ' ', 'a'.repeat(60)), fc.string());
    fc.assert(
      fc.property(fc.array(part, { maxLength: 300 }), (parts) => {
        const question = parts.join('');
        const length = foldedLength(question);
        if (length === question.length) return;
        expect(length).toBeLessThanOrEqual(800);
        expect(length).toBeLessThan(question.length);
        expect(/^[\ud800-\udbff][\udc00-\udfff]/.test(question.slice(length - 1))).toBe(false);
      }),
    );
  });
});
