// Formulas as mathematics. Until they are, and where they cannot be, their source is shown.

import { HelperWorker } from './helper-worker.ts';
import { formulaIn } from './markdown-math.ts';
import { Painter } from './painter.ts';
import type { Formula, Mathml } from './tex.ts';

interface MathRequest extends Formula {
  /** Lets through what a formula is made of, and nothing else. */
  readonly sanitize: (markup: string) => DocumentFragment;
}

const converter = new HelperWorker<Formula, Mathml>(async () =>
  (await import('./on-demand-math.ts')).startMathWorker(),
);

const painter = new Painter<MathRequest, DocumentFragment>({
  keyOf: ({ display, tex }) => `${display} ${tex}`,
  async ask({ tex, display, sanitize }) {
    const reply = await converter.ask({ tex, display });
    return typeof reply === 'string' ? reply : sanitize(reply.mathml);
  },
  draw: (element, { display }, formula) => element.replaceWith(framed(formula, display)),
  kept: 400,
  pauseFactor: 0,
});

/**
 * Shows a formula in the place of its source, now or soon.
 *
 * @param source an element in a parent, with nothing in it but the source of a formula
 * @param sanitize a sanitizer of MathML
 */
export function paintMath(source: HTMLElement, sanitize: (markup: string) => DocumentFragment): void {
  painter.paint(source, { ...formulaIn(source.textContent ?? ''), sanitize });
}

function framed(formula: DocumentFragment, display: boolean): HTMLElement {
  const frame = document.createElement('span');
  frame.className = display ? 'formula display' : 'formula';
  if (display) {
    // A box that scrolls sideways must be reachable by keyboard, and have a name there.
    frame.tabIndex = 0;
    frame.setAttribute('role', 'group');
    frame.setAttribute('aria-label', 'Formula');
  }
  frame.append(formula.cloneNode(true));
  return frame;
}
