// Events of the page that the chat stands in.

import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** The chat, as far as it matters here. */
type Host = ReactiveControllerHost & HTMLElement & { readonly busy: boolean };

/** The listeners for these events. */
export interface PageListeners {
  /** Escape was pressed, and is meant for the answer that is being written. */
  stop: () => void;
  /** Ctrl+K or Cmd+K was pressed: a search of the chats; false where there are none to search. */
  search: () => boolean;
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
    // Where the focus is nowhere in particular, a key is meant for what is moving, or for all of the page.
    if (!event.composedPath().includes(this.#host) && document.activeElement !== document.body) return;
    if (event.isComposing || event.defaultPrevented) return;
    if (event.key === 'Escape' && this.#host.busy) {
      event.preventDefault();
      this.#listeners.stop();
    } else if (isSearch(event) && this.#listeners.search()) {
      event.preventDefault();
    }
  };
}

function isSearch({ key, ctrlKey, metaKey, shiftKey, altKey }: KeyboardEvent): boolean {
  return key.toLowerCase() === 'k' && ctrlKey !== metaKey && !shiftKey && !altKey;
}
