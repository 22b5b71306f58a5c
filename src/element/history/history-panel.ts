// Where the list of chats stands: beside the chat where there is room, else in a drawer over it.

import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from 'lit';
import type { ChatArchive } from '../chats/chat-archive.ts';
import type { BambaHistory } from './history-view.ts';
import { closeIcon } from '../icons.ts';
import { readSwitch, writePreference } from '../settings/preferences.ts';

/** An element at least this wide, in CSS pixels, has room for the list beside the chat. */
const WIDE = 860;

const KEY = 'bamba-chat:side';

/** Whether the list is open, in the place that there is for it. */
export class HistoryPanel implements ReactiveController {
  /** There is room beside the chat. */
  wide = false;
  readonly #host: ReactiveControllerHost & HTMLElement;
  /** As it was left beside the chat. */
  #side = readSwitch(KEY, true);
  #drawer = false;
  /** It is open for a search, and closed after it. */
  #sought = false;
  /** The element that had the focus before the search. */
  #searchedFrom: HTMLElement | undefined;
  readonly #observer = new ResizeObserver(([entry]) => {
    const wide = (entry?.contentRect.width ?? 0) >= WIDE;
    if (wide === this.wide) return;
    this.wide = wide;
    this.#drawer = false;
    this.#host.requestUpdate();
  });

  /** @param host the element whose width decides */
  constructor(host: ReactiveControllerHost & HTMLElement) {
    this.#host = host;
    host.addController(this);
  }

  /** Whether the list is in sight. */
  get open(): boolean {
    return this.#sought || (this.wide ? this.#side : this.#drawer);
  }

  /** Shows the list, or puts it away. */
  toggle(): void {
    if (this.#sought) {
      this.#sought = false;
    } else if (this.wide) {
      this.#side = !this.#side;
      writePreference(KEY, this.#side ? undefined : false);
    } else {
      this.#drawer = !this.#drawer;
    }
    this.#host.requestUpdate();
  }

  /** Puts the drawer away, as when a chat was chosen in it. */
  closeDrawer(): void {
    if (!this.#drawer && !this.#sought) return;
    this.#drawer = false;
    this.#sought = false;
    this.#host.requestUpdate();
  }

  /** Shows the list, and puts the cursor into its search. False where a dialog asks for something else. */
  search(): boolean {
    const { shadowRoot } = this.#host;
    if (!shadowRoot || shadowRoot.querySelector('dialog[open]:not(.drawer)')) return false;
    const { activeElement } = shadowRoot;
    if (activeElement instanceof HTMLElement && !activeElement.matches('.search')) this.#searchedFrom = activeElement;
    if (!this.open) this.#sought = true;
    this.#host.requestUpdate();
    void this.#focusSearch(shadowRoot);
    return true;
  }

  /**
   * Puts the list away if it was open for the search alone, and returns to where the search began.
   *
   * @param otherwise where to go when that is gone
   */
  async leaveSearch(otherwise: () => void): Promise<void> {
    this.closeDrawer();
    await this.#host.updateComplete;
    if (this.#searchedFrom?.isConnected) this.#searchedFrom.focus();
    else otherwise();
    this.#searchedFrom = undefined;
  }

  async #focusSearch(root: ShadowRoot): Promise<void> {
    await this.#host.updateComplete;
    const list = root.querySelector<BambaHistory>('bamba-history');
    await list?.updateComplete;
    list?.beginSearch();
  }

  /** Draws the list in its place. */
  render(archive: ChatArchive): TemplateResult | typeof nothing {
    if (!this.open) return nothing;
    const list = html`<bamba-history
      .archive=${archive}
      .chats=${archive.chats}
      .current=${archive.current}
      .deleted=${archive.deleted}
      .unread=${archive.trouble}
      .unreadable=${archive.unreadable}
    ></bamba-history>`;
    if (this.wide) return html`<nav class="side" part="history" aria-label="Chats">${list}</nav>`;
    return html`<dialog
      class="drawer"
      part="history"
      aria-labelledby="chats-title"
      @close=${() => this.closeDrawer()}
      @click=${(event: Event) => event.target === event.currentTarget && this.closeDrawer()}
      @keydown=${(event: KeyboardEvent) => event.key === 'Escape' && event.stopPropagation()}
    >
      <div class="drawer-body">
        <div class="drawer-head">
          <h2 id="chats-title">Chats</h2>
          <button class="icon-button" type="button" aria-label="Close chats" @click=${() => this.closeDrawer()}>
            ${closeIcon}
          </button>
        </div>
        ${list}
      </div>
    </dialog>`;
  }

  hostConnected(): void {
    this.#observer.observe(this.#host);
  }

  hostDisconnected(): void {
    this.#observer.disconnect();
  }

  hostUpdated(): void {
    // A drawer is a dialog of the page while it is drawn at all.
    const drawer = this.#host.shadowRoot?.querySelector<HTMLDialogElement>('.drawer');
    if (drawer && !drawer.open) drawer.showModal();
  }
}
