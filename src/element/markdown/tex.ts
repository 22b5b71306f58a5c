// TeX to MathML. TeX gets no effect on the page around it: no links, classes, pictures, or sizes without end. Inline styles,
// which strict pages forbid, become classes where the formula needs them, and else are left out.

import temml from 'temml';

/** A formula as it was written, without what stands around it. */
export interface Formula {
  readonly tex: string;
  /** On lines of its own. */
  readonly display: boolean;
}

/** The worker's answer. */
export interface Mathml {
  readonly mathml: string;
}

/** Of MathML, this much is drawn: a browser takes the longer to lay it out, the more and the deeper it is. */
const LIMITS = { characters: 60_000, elements: 2000, depth: 40 } as const;

const OPTIONS = {
  throwOnError: true,
  trust: false,
  strict: false,
  /** Lengths at most, in em and in pt. */
  maxSize: [12, 120] as [number, number],
  /** Macros of the formula's own. */
  maxExpand: 200,
};

/** Lines and distances that say something: all that is kept of styles. */
const KEPT: readonly (readonly [style: RegExp, name: string])[] = [
  [/border:/, 'line-around'],
  [/border-top:/, 'line-top'],
  [/border-right:/, 'line-right'],
  [/border-bottom:/, 'line-bottom'],
  [/border-left:/, 'line-left'],
  [/padding-left:0(?:em|pt);/, 'flush-left'],
  [/padding-right:0(?:em|pt);/, 'flush-right'],
  [/padding-left:1em;/, 'wide-left'],
];

const STYLED = /(?: class="([^"]*)")? style="([^"]*)"/g;

/** MathML of a formula; undefined where it is not TeX, or too much. */
export function texToMathml({ tex, display }: Formula): string | undefined {
  try {
    const markup = temml.renderToString(tex, { ...OPTIONS, displayMode: display, wrap: display ? 'none' : 'tex' });
    return isTooMuch(markup) ? undefined : markup.replace(STYLED, asClasses);
  } catch {
    // A mistake in it, or deeper than the parser can go.
    return undefined;
  }
}

function asClasses(_whole: string, classes: string | undefined, styles: string): string {
  const names = KEPT.filter(([style]) => style.test(styles)).map(([, name]) => name);
  const all = [...(classes ? [classes] : []), ...names].join(' ');
  return all === '' ? '' : ` class="${all}"`;
}

function isTooMuch(markup: string): boolean {
  if (markup.length > LIMITS.characters) return true;
  let elements = 0;
  let depth = 0;
  for (const [tag] of markup.matchAll(/<\/?/g)) {
    if (tag === '</') depth--;
    else {
      elements++;
      depth++;
    }
    if (elements > LIMITS.elements || depth > LIMITS.depth) return true;
  }
  return false;
}
