import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawable, drawableBoxes, hasPile } from './long-text.ts';

const MARK = '\u0301';

describe('long texts', () => {
  it('are drawn in boxes that lose nothing but the ends of lines', () => {
    const part = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 50 }),
      fc.constantFrom('\n', ' ', 'word '.repeat(500)),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        const text = parts.join('');
        const boxes = drawableBoxes(text, text.length);
        let at = 0;
        for (const box of boxes) {
          expect(box.length).toBeLessThanOrEqual(2000);
          expect(box.isWellFormed()).toBe(text.isWellFormed() || box.isWellFormed());
          const end = text.slice(at, at + box.length);
          expect(end).toBe(box);
          at += box.length + (text.charAt(at + box.length) === '\n' && at + box.length < text.length ? 1 : 0);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('have no empty line where a box ends right before a line does', () => {
    for (const line of [`${'x'.repeat(1999)} `, 'x'.repeat(2000)]) {
      expect(drawableBoxes(`${line}\n y`, 2010)).toEqual([line, ' y']);
    }
  });

  it('are cut between words where there is no line to cut at', () => {
    const boxes = drawableBoxes('word '.repeat(1000), 5000);
    expect(boxes.join('')).toBe('word '.repeat(1000));
    for (const box of boxes) expect(box).toMatch(/ $/);
    expect(drawableBoxes('x'.repeat(5000), 5000).map(({ length }) => length)).toEqual([2000, 2000, 1000]);
  });

  it('have no pile of marks without a letter or a circle under it', () => {
    const pile = `a${MARK.repeat(1000)}`;
    expect(hasPile(pile)).toBe(true);
    expect(hasPile(drawable(pile))).toBe(false);
    expect(drawable(pile).replaceAll('\u25cc', '')).toBe(pile);
    const usual = 'é ǟ שָׁלוֹם พี่';
    expect(drawable(usual)).toBe(usual);
  });
});
