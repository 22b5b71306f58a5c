import { describe, expect, it } from 'vitest';
import { texToMathml } from './tex.ts';

const inline = (tex: string): string | undefined => texToMathml({ tex, display: false });

describe('texToMathml', () => {
  it('makes MathML, without a style in it', () => {
    expect(inline('x^2')).toMatch(/^<math><msup><mi>x<\/mi><mn[^>]*>2<\/mn><\/msup><\/math>$/);
    const styled = [
      '\\begin{aligned}a&=b\\\\c&=d\\end{aligned}',
      '\\begin{array}{c|c}a&b\\\\\\hline c&d\\end{array}',
      '\\color{red}x',
      '\\boxed{42}',
      '\\tag{1}x',
      '\\underbrace{a+b}_{c}',
    ];
    for (const tex of styled) {
      const markup = texToMathml({ tex, display: true });
      expect(markup, tex).toMatch(/^<math/);
      expect(markup, tex).not.toMatch(/ style=/);
    }
  });

  it('keeps the lines of a table as classes', () => {
    const markup = texToMathml({ tex: '\\begin{array}{c|c}a&b\\\\\\hline c&d\\end{array}', display: true });
    expect(markup).toMatch(/class="line-right line-bottom flush-left"/);
    expect(markup).toMatch(/<mtable>/);
  });

  it.each(['\\frac{', 'a}', '\\nosuchcommand', '\\begin{matrix}x', '$x$', 'x^^2'])('refuses the broken %s', (tex) => {
    expect(inline(tex)).toBeUndefined();
  });

  it.each([
    '\\href{javascript:alert(1)}{x}',
    '\\url{javascript:alert(1)}',
    '\\includegraphics{https://evil.example/pixel.png}',
    '\\class{question}{x}',
    '\\id{question}{x}',
    '\\style{position:fixed}{x}',
    '\\data{a=b}{x}',
    '\\text{<img src=x onerror=alert(1)>}',
    '\\text{" onclick="alert(1)}',
    '\\unicode{x3c}script\\unicode{x3e}',
  ])('gives %s no power over the page', (tex) => {
    const markup = inline(tex) ?? '';
    for (const tag of markup.match(/<[^>]*>/g) ?? []) {
      expect(tag).toMatch(/^<\/?m[a-z]*(?: (?:class|mathvariant|stretchy|form|width)="[\w .-]*")*>$/);
    }
    expect(markup).not.toMatch(/class="[^"]*question/);
  });

  it('bounds lengths', () => {
    expect(inline('\\rule{1000em}{1000em}')).toMatch(/width="12em" height="12em"/);
    expect(inline('a\\kern{-1000em}b')).not.toMatch(/-?\d{3,}em/);
  });

  it.each([
    ['deep roots', '\\sqrt{'.repeat(300) + 'x' + '}'.repeat(300)],
    ['powers of powers', 'x^{'.repeat(400) + 'y' + '}'.repeat(400)],
    ['fractions in fractions', '\\frac{1}{'.repeat(200) + 'x' + '}'.repeat(200)],
    ['brackets in brackets', '\\left('.repeat(300) + 'x' + '\\right)'.repeat(300)],
    ['many letters', 'x'.repeat(4000)],
    ['a macro without end', '\\def\\a#1{\\b{#1#1}}\\def\\b#1{\\a{#1#1}}\\a{x}'],
    [
      'a macro that grows',
      '\\def\\a{xxxx}\\def\\b{\\a\\a\\a\\a}\\def\\c{\\b\\b\\b\\b}\\def\\d{\\c\\c\\c\\c}\\d\\d\\d\\d',
    ],
  ])('refuses %s', (_what, tex) => {
    expect(inline(tex)).toBeUndefined();
  });
});
