import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutPieces } from './markdown-pieces.ts';

const raws = (text: string): string[] => cutPieces(text).pieces.map(({ raw }) => raw);

/** Lines of which Markdown is made, and some that mean no good. */
const line = fc.oneof(
  fc.constantFrom(
    '',
    '',
    'A sentence.',
    '- item',
    '  - inner',
    '1. one',
    '> quoted',
    '```',
    '~~~js',
    '# Head',
    '| a | b |',
  ),
  fc.constantFrom(
    '[r]: https://a.b/',
    `${'>'.repeat(40)} deep`,
    `${' '.repeat(60)}- deep`,
    '*'.repeat(700),
    'x'.repeat(9000),
  ),
  fc.string({ maxLength: 30 }),
);
const text = fc.array(line, { maxLength: 60 }).map((lines) => lines.join('\n'));

describe('cutPieces', () => {
  it('loses and doubles nothing', () => {
    fc.assert(
      fc.property(text, (whole) => {
        const { pieces, end } = cutPieces(whole);
        expect(pieces.map(({ raw }) => raw).join('') + whole.slice(end)).toBe(whole);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves the pieces of a text that grows as they are, but for its last ones', () => {
    fc.assert(
      fc.property(text, text, (before, more) => {
        const short = raws(before);
        // The last block may go on, and what stood before it in the same paragraph may have become too much.
        const settled = short.slice(0, -2);
        expect(raws(before + more).slice(0, settled.length)).toEqual(settled);
      }),
      { numRuns: 300 },
    );
  });

  it('cuts between blocks, and neither in lists nor in code', () => {
    expect(raws('One.\n\nTwo,\nwhich goes on.\n\n- a\n\n- b\n\n  more of b\n\nThree.\n')).toEqual([
      'One.\n\n',
      'Two,\nwhich goes on.\n\n',
      '- a\n\n- b\n\n  more of b\n\n',
      'Three.\n',
    ]);
    expect(raws('```\na\n\nb\n```\n\nafter')).toEqual(['```\na\n\nb\n```\n\n', 'after']);
  });

  it.each([
    ['quotes', `${'>'.repeat(3000)} end`],
    ['quotes with spaces', `${'> '.repeat(100)} end`],
    ['indents', `${'  '.repeat(40)}- end`],
    ['tabs', `${'\t'.repeat(20)}- end`],
    ['marks', '*_'.repeat(500)],
    ['formulas', '$x$ '.repeat(120)],
    ['formulas in brackets', '\\(x\\) '.repeat(120)],
    ['a long paragraph', 'word '.repeat(1700)],
    ['piles of accents', `a${'\u0301'.repeat(100)}`],
  ])('leaves %s to nobody’s parser, and what stands before them to one', (_what, hostile) => {
    const { pieces } = cutPieces(`Before.\n\n${hostile}\n\nAfter.`);
    expect(pieces).toEqual([
      { raw: 'Before.\n\n', plain: false },
      { raw: `${hostile}\n\n`, plain: true },
      { raw: 'After.', plain: false },
    ]);
  });

  it('stops where there is too much, whatever it is', () => {
    for (const part of ['word\n\n', 'word ', '[a](b) ', '# a\n', '- a\n', '| a | b |\n', '```\na\n```\n', '\n', 'x']) {
      const whole = part.repeat(1_000_000 / part.length);
      const { pieces, end } = cutPieces(whole);
      expect(end).toBeLessThanOrEqual(110_000);
      expect(pieces.length).toBeLessThanOrEqual(500);
      for (const { raw, plain } of pieces) if (!plain) expect(raw.length).toBeLessThanOrEqual(31_000);
    }
  });
});
