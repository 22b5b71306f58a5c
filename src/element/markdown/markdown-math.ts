// Formulas in Markdown: `$…$` and `\(…\)` in a line, `$$…$$` and `\[…\]` on lines of their own. A dollar is money far more
// often than mathematics, so what stands around it and in it has to look like a formula.

import type { MarkedExtension, Tokens } from 'marked';

/** A formula has at most so many characters. */
const LONGEST = 4000;

/** A formula between dollars in a line, at most. */
const LONGEST_INLINE = 500;

/** A formula where it begins. */
export interface FormulaSource {
  /** With what stands around it. */
  readonly raw: string;
  readonly tex: string;
  readonly display: boolean;
}

/** The beginnings of a formula, each with its end. */
const PAIRS: readonly (readonly [open: string, close: string, display: boolean])[] = [
  ['$$', '$$', true],
  ['\\[', '\\]', true],
  ['\\(', '\\)', false],
];

/** An amount, and a word behind it: `20 for a`. */
const MONEY = /^[\d.,]+(?:[kKmMbB]|bn)?(?:\s+[A-Za-z]{2,}|\s*$)/;

/** The ends of a formula that a letter may follow, as in `$n$th`. */
const SURELY = /^[A-Za-z]$|[\\^_{}=]/;

/** The beginnings of a block of its own. */
const BLOCK = /^ {0,3}(?=\$\$|\\\[)/;

/**
 * The formula that a text begins with, if it does.
 *
 * @example
 * formulaAt('$x^2$ is'); // { raw: '$x^2$', tex: 'x^2', display: false }
 * formulaAt('$5 and $10'); // undefined
 */
export function formulaAt(text: string): FormulaSource | undefined {
  for (const [open, close, display] of PAIRS) {
    if (text.startsWith(open)) return between(text, open, close, display);
  }
  return text.startsWith('$') ? inDollars(text) : undefined;
}

function between(text: string, open: string, close: string, display: boolean): FormulaSource | undefined {
  const end = text.slice(0, LONGEST).indexOf(close, open.length);
  if (end < 0) return undefined;
  const tex = text.slice(open.length, end);
  // A paragraph ends with an empty line, and with it what was begun.
  if (tex.trim() === '' || /\n[ \t]*\n/.test(tex)) return undefined;
  return { raw: text.slice(0, end + close.length), tex, display };
}

function inDollars(text: string): FormulaSource | undefined {
  for (let at = 1; at < Math.min(text.length, LONGEST_INLINE); at++) {
    const character = text.charAt(at);
    if (character === '\n') return undefined;
    if (character === '\\') at++;
    else if (character === '$') {
      const tex = text.slice(1, at);
      return isFormula(tex, text.charAt(at + 1)) ? { raw: text.slice(0, at + 1), tex, display: false } : undefined;
    }
  }
  return undefined;
}

/** @param after the character behind the dollar */
function isFormula(tex: string, after: string): boolean {
  if (tex === '' || /^\s|\s$/.test(tex) || MONEY.test(tex)) return false;
  if (/[\d$]/.test(after)) return false;
  return !/[A-Za-z]/.test(after) || SURELY.test(tex);
}

/** Where a formula may begin at the earliest; a dollar behind a letter, a digit or a backslash begins none. */
function mayBegin(text: string): number {
  return text.search(/(?<![\\\w$])\$|\\[([]/);
}

/** Teaches the parser formulas: they become `code` of the class `math`, with their source in it. */
export const mathExtension: MarkedExtension = {
  extensions: [
    {
      name: 'formula',
      level: 'inline',
      start: (text) => {
        const at = mayBegin(text);
        return at < 0 ? undefined : at;
      },
      tokenizer: (text) => tokenOf(formulaAt(text), 'formula'),
      renderer: (token) => render(token),
    },
    {
      name: 'formulas',
      level: 'block',
      start: (text) => /\n {0,3}(?:\$\$|\\\[)/.exec(text)?.index,
      tokenizer: (text) => blockAt(text),
      renderer: (token) => `<p>${render(token)}</p>`,
    },
  ],
};

/** A formula with nothing before or behind it on its lines. */
function blockAt(text: string): Tokens.Generic | undefined {
  const indent = BLOCK.exec(text)?.[0];
  if (indent === undefined) return undefined;
  const found = formulaAt(text.slice(indent.length));
  if (!found) return undefined;
  const rest = /^[ \t]*(?:\n+|$)/.exec(text.slice(indent.length + found.raw.length))?.[0];
  return rest === undefined ? undefined : tokenOf({ ...found, raw: indent + found.raw + rest }, 'formulas');
}

function tokenOf(source: FormulaSource | undefined, type: string): Tokens.Generic | undefined {
  return source && { type, raw: source.raw, text: source.raw.trim(), display: source.display };
}

function render({ text, display }: Tokens.Generic): string {
  const source = String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<code class="math${display === true ? ' display' : ''}">${source}</code>`;
}

/** The formula in an element that the parser made: without what stands around it. */
export function formulaIn(source: string): { tex: string; display: boolean } {
  const display = source.startsWith('$$') || source.startsWith('\\[');
  const length = source.startsWith('$') && !display ? 1 : 2;
  return { tex: source.slice(length, -length), display };
}
