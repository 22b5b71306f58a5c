import { Marked } from 'marked';
import { describe, expect, it } from 'vitest';
import { formulaAt, formulaIn, mathExtension } from './markdown-math.ts';

const marked = new Marked({ gfm: true, breaks: true });
marked.use(mathExtension);

/** The formulas of a text, as they were written. */
function formulas(text: string): string[] {
  const html = marked.parse(text, { async: false });
  return [...html.matchAll(/<code class="math[^"]*">([^<]*)<\/code>/g)].map(([, source = '']) =>
    source.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))),
  );
}

describe('formulas in Markdown', () => {
  it.each([
    ['in dollars', 'It is $x^2 + 1$, and $n$th.', ['$x^2 + 1$', '$n$']],
    ['in brackets', 'So \\(a < b\\) and \\[ c \\] hold.', ['\\(a < b\\)', '\\[ c \\]']],
    ['on lines of their own', 'Thus\n$$\na_1\n= b_2 * c\n$$\nas said.', ['$$\na_1\n= b_2 * c\n$$']],
    [
      'with what Markdown would take for its own',
      '$a_1 * b_1 * c_1$ and \\(x\\\\y\\)',
      ['$a_1 * b_1 * c_1$', '\\(x\\\\y\\)'],
    ],
    ['in lists and tables', '- $x$\n\n| a |\n|--|\n| $y$ |', ['$x$', '$y$']],
    ['with an escaped dollar', '$\\$5 + x$', ['$\\$5 + x$']],
    ['that begin with a number', '$2x$, $3.5 \\cdot 10^8$, $0$', ['$2x$', '$3.5 \\cdot 10^8$']],
    ['with dots and commas at their edges', '($x$), $y$; "$z$".', ['$x$', '$y$', '$z$']],
  ])('are found %s', (_where, text, found) => {
    expect(formulas(text)).toEqual(found);
  });

  it.each([
    'It costs $5 and $10.',
    'Between $5-$10, or $5/$10.',
    'I paid $20 for a 3$ thing.',
    'A $5 bill, US$10 and $1,000.50.',
    '$5M today and 10$ tomorrow$.',
    'Set $HOME and $PATH, or $HOME:$PATH.',
    'Escaped \\$x\\$ stays.',
    'Code: `$x$` stays, and `\\(y\\)`.',
    '```\n$x$ \\(y\\)\n```',
    'Open $x and\nclosed y$ on another line.',
    '$ x $ with spaces, $$ $$ with nothing.',
    'Dangling $$x and \\(y and \\[z.',
    'An empty line in $$a\n\nb$$ ends it.',
  ])('are not seen in %j', (text) => {
    expect(formulas(text)).toEqual([]);
  });

  it('lose no character of a text', () => {
    for (const text of ['a $x$ b', '$5 and $10', '\\(x', '$$\nx\n$$', '<b>$<i>$</b>']) {
      const html = marked.parse(text, { async: false });
      const shown = html.replace(/<[^>]*>/g, '');
      const plain = shown.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
      for (const word of text.split(/\s+|<[^>]*>/)) expect(plain).toContain(word.replace(/^\\(?=\(x$)/, ''));
    }
  });

  it('end before they are too long, whatever follows', () => {
    expect(formulaAt(`$${'x'.repeat(600)}$`)).toBeUndefined();
    expect(formulaAt(`$$${'x'.repeat(5000)}$$`)).toBeUndefined();
    const begin = performance.now();
    marked.parse('$a '.repeat(20_000), { async: false });
    marked.parse('\\(a '.repeat(2000), { async: false });
    expect(performance.now() - begin).toBeLessThan(20_000);
  });

  it('are read without what stands around them', () => {
    expect(formulaIn('$x$')).toEqual({ tex: 'x', display: false });
    expect(formulaIn('\\(x\\)')).toEqual({ tex: 'x', display: false });
    expect(formulaIn('$$x$$')).toEqual({ tex: 'x', display: true });
    expect(formulaIn('\\[x\\]')).toEqual({ tex: 'x', display: true });
  });
});
