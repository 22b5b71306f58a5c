// Plain text of any length: the page lays out a bounded part of it, and more when a person asks for more.

import { formatInteger } from '../format.ts';

/** Characters that are shown at first, and added with each step. */
const STEP = 50_000;

/**
 * Characters of a box at most. A browser lays out only the boxes in sight. Where letters of a script join, its time grows
 * with the square of the text between two spaces.
 */
const BOX = 2000;

/** More marks on one letter than any script has: a browser's time grows with the square of their number. */
const PILE = /\p{M}{64}(?=\p{M})/gu;

/** Unicode's base for marks without a letter. A space of no width would leave them in the same pile. */
const BASE = '\u25cc';

/** Whether a text piles up marks on a letter. */
export function hasPile(text: string): boolean {
  return text.search(PILE) >= 0;
}

/** A text as it can be drawn: of a pile of marks, those that are too many stand on circles of their own. */
export function drawable(text: string): string {
  return text.replace(PILE, `$&${BASE}`);
}

/** The beginning of a text, in the boxes in which it can be drawn. */
export function drawableBoxes(text: string, end: number): string[] {
  // The end of a box is the end of a line.
  return cutBoxes(text, Math.min(text.length, end)).map((box) => drawable(box.replace(/\n$/, '')));
}

/** Shows a text in an element of its own. */
export class LongText {
  readonly #container: HTMLElement;
  #text = '';
  #shown = STEP;
  #boxes: { text: string; node: HTMLElement }[] = [];
  #button: HTMLButtonElement | undefined;

  /** @param container an element whose children nobody else changes */
  constructor(container: HTMLElement) {
    this.#container = container;
  }

  /** Shows `text`; boxes that are the same as before stay. */
  update(text: string): void {
    this.#text = text;
    const boxes = cutBoxes(text, Math.min(text.length, this.#shown));
    let same = 0;
    while (same < boxes.length && this.#boxes[same]?.text === boxes[same]) same++;
    for (const { node } of this.#boxes.splice(same)) node.remove();
    for (const box of boxes.slice(same)) {
      const node = document.createElement('div');
      node.className = box.length > BOX / 2 ? 'block plain full' : 'block plain';
      node.dir = 'auto';
      // The end of the box is the end of the line.
      node.textContent = drawable(box.replace(/\n$/, ''));
      this.#container.append(node);
      this.#boxes.push({ text: box, node });
    }
    this.#offer(text.length - this.#shown);
  }

  #offer(rest: number): void {
    if (rest <= 0) {
      this.#button?.remove();
      return;
    }
    this.#button ??= this.#makeButton();
    this.#button.textContent = `Show more: ${formatInteger(rest)} characters are left`;
    this.#container.append(this.#button);
  }

  #makeButton(): HTMLButtonElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'text-button more-text';
    button.addEventListener('click', () => {
      this.#shown += STEP;
      this.update(this.#text);
    });
    return button;
  }
}

/** Cuts a text up to `end` into boxes: after a line or a word where there is one, and never through a character. */
function cutBoxes(text: string, end: number): string[] {
  const boxes: string[] = [];
  for (let at = 0; at < end;) {
    let next = Math.min(end, at + BOX);
    if (next < text.length) {
      const cut = lastCut(text, at + BOX / 2, next);
      if (cut !== undefined) next = cut;
      else if (/[\ud800-\udbff]/.test(text.charAt(next - 1))) next--;
    }
    // A box that began with the end of a line would show an empty one.
    if (next < end && text.charAt(next) === '\n') next++;
    boxes.push(text.slice(at, next));
    at = next;
  }
  return boxes;
}

/** Where a line, or else a word, ends last between two places. */
function lastCut(text: string, from: number, to: number): number | undefined {
  for (const mark of ['\n', ' ']) {
    const at = text.lastIndexOf(mark, to - 1);
    if (at > from) return at + 1;
  }
  return undefined;
}
