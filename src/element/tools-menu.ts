// The menu that the tools of the header move into where there is no room for them beside the title. Which of both it is,
// the style sheet decides by the width: where the tools stand in the header, nothing here changes how they look.

import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** Whether the menu is open, and what closes it: a tool that was used, Escape, a click elsewhere, the focus elsewhere. */
export class ToolsMenu implements ReactiveController {
  open = false;
  readonly #host: ReactiveControllerHost & HTMLElement;

  /** @param host redrawn when `open` changes; the menu is the `.more` in its shadow root */
  constructor(host: ReactiveControllerHost & HTMLElement) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {
    document.addEventListener('pointerdown', this.#onPointerDown);
  }

  hostDisconnected(): void {
    document.removeEventListener('pointerdown', this.#onPointerDown);
    this.open = false;
  }

  readonly toggle = (): void => this.#set(!this.open);

  /** Comes before the tool's own click: what that opens gives the focus back to where it is then, and the tool is gone. */
  readonly onChoose = { handleEvent: (): void => this.#leave(), capture: true };

  /** Escape closes the menu, and must not stop an answer as well. */
  readonly onKeydown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !this.open) return;
    event.stopPropagation();
    this.#leave();
  };

  readonly onFocusOut = ({ relatedTarget }: FocusEvent): void => {
    // Nothing has the focus where the window loses it, or where what is clicked takes none.
    if (relatedTarget instanceof Node && !this.#holds(relatedTarget)) this.#set(false);
  };

  readonly #onPointerDown = (event: Event): void => {
    const box = this.#box;
    if (this.open && !(box && event.composedPath().includes(box))) this.#set(false);
  };

  get #box(): HTMLElement | null | undefined {
    return this.#host.shadowRoot?.querySelector<HTMLElement>('.more');
  }

  /** A tool of the page's own is in the menu by its slot only. */
  #holds(node: Node): boolean {
    return this.#box?.contains(node) === true || (node instanceof Element && node.closest('[slot="actions"]') !== null);
  }

  #leave(): void {
    if (!this.open) return;
    this.#set(false);
    this.#box?.querySelector('button')?.focus();
  }

  #set(open: boolean): void {
    if (this.open === open) return;
    this.open = open;
    this.#host.requestUpdate();
  }
}
