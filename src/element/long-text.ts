// Plain text of any length: a bounded part of it is laid out, and more when somebody asks for it.

import { formatInteger } from './format.ts';

/** Characters that are shown at first, and added with each step. */
const STEP = 50_000;

/** A box of text has at most so many: a browser lays out only the boxes that are in sight. */
const BOX = 8000;

/** More marks on one letter than any script has: a browser takes the longer to place each, the more there are. */
const PILE = /\p{M}{64}(?=\p{M})/gu;

/** Whether a text piles up marks on a letter. */
export function hasPile(text: string): boolean {
  return text.search(PILE) >= 0;
}

/** A text as it can be drawn: piles of marks are taken apart by spaces of no width. */
export function drawable(text: string): string {
  return text.replace(PILE, '$&\u200b');
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
      node.className = 'block plain';
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

/** Cuts a text up to `end` into boxes: after a line where there is one, and never through a character. */
function cutBoxes(text: string, end: number): string[] {
  const boxes: string[] = [];
  for (let at = 0; at < end;) {
    let next = Math.min(end, at + BOX);
    if (next < text.length) {
      const newline = text.lastIndexOf('\n', next - 1);
      if (newline > at + BOX / 2) next = newline + 1;
      else if (/[\ud800-\udbff]/.test(text.charAt(next - 1))) next--;
    }
    boxes.push(text.slice(at, next));
    at = next;
  }
  return boxes;
}
