// What the chat hears of the page that it stands in.

import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** The chat, as far as it matters here. */
type Host = ReactiveControllerHost & HTMLElement & { readonly busy: boolean };

/** What is done about it. */
export interface PageListeners {
  /** Escape was pressed, and is meant for the answer that is being written. */
  stop: () => void;
  /** The page may not come back. */
  leave: () => void;
}

/** Listens while the host is in the page. */
export class PageEvents implements ReactiveController {
  readonly #host: Host;
  readonly #listeners: PageListeners;

  constructor(host: Host, listeners: PageListeners) {
    this.#host = host;
    this.#listeners = listeners;
  }

  hostConnected(): void {
    document.addEventListener('keydown', this.#onKeydown);
    addEventListener('pagehide', this.#listeners.leave);
  }

  hostDisconnected(): void {
    document.removeEventListener('keydown', this.#onKeydown);
    removeEventListener('pagehide', this.#listeners.leave);
  }

  readonly #onKeydown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || event.isComposing || !this.#host.busy) return;
    // Where the focus is nowhere in particular, Escape is meant for what is moving.
    if (!event.composedPath().includes(this.#host) && document.activeElement !== document.body) return;
    event.preventDefault();
    this.#listeners.stop();
  };
}
