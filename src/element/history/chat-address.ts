// The address of a chat in the page's hash, `#chat=ID`, for pages that want one: it can be opened, kept and gone back to.
// Chats are kept in this browser, so an address is of use in this browser alone.

import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { ChatArchive } from '../chats/chat-archive.ts';

/** The element, as far as it matters here. */
type Host = ReactiveControllerHost & { readonly hash: boolean };

/** The parts that it works with. */
export interface ChatAddressParts {
  archive: Pick<ChatArchive, 'chats' | 'current' | 'trouble' | 'reportMissing'>;
  /** Opens a chat of the list. */
  open: (id: string) => Promise<void>;
  /** Begins a new chat. */
  begin: () => void;
}

/** The hash of a chat; empty for a new one. */
export function hashOf(id: string | undefined): string {
  return id === undefined ? '' : `#chat=${encodeURIComponent(id)}`;
}

/** The chat that a hash names; null where it names something else of the page, undefined where it names nothing. */
export function chatOf(hash: string): string | null | undefined {
  if (hash === '' || hash === '#') return undefined;
  const [, name] = /^#chat=(.+)$/.exec(hash) ?? [];
  try {
    return name === undefined ? null : decodeURIComponent(name);
  } catch {
    return null;
  }
}

/** Keeps the hash and the chat that is open the same. */
export class ChatAddress implements ReactiveController {
  readonly #host: Host;
  readonly #parts: ChatAddressParts;
  /** The list was read at least once. */
  #ready = false;
  /** The open chat is another one since the hash was written. */
  #moved = false;
  /** The hash is being followed: it is ahead of what is open. */
  #following = false;
  /** The hash is to be followed once the list can be read. */
  #waiting = false;

  constructor(host: Host, parts: ChatAddressParts) {
    this.#host = host;
    this.#parts = parts;
    host.addController(this);
  }

  /** The chat to begin with. */
  get wanted(): string | undefined {
    return this.#host.hash ? (chatOf(location.hash) ?? undefined) : undefined;
  }

  hostConnected(): void {
    addEventListener('hashchange', this.#onHashChange);
  }

  hostDisconnected(): void {
    removeEventListener('hashchange', this.#onHashChange);
    this.#ready = false;
  }

  hostUpdated(): void {
    if (this.#waiting && !this.#parts.archive.trouble) void this.#follow();
    else this.#write();
  }

  /** The list is connected: what the hash names is open, or cannot be. Where it names none, the chat of before stays. */
  arrived(): void {
    this.#ready = true;
    this.#moved = false;
    if (chatOf(location.hash) === undefined) this.#write();
    else void this.#follow();
  }

  /** Another chat is open; not the one that was new and has got its name. */
  moved(): void {
    this.#moved = this.#ready;
  }

  readonly #onHashChange = (): void => void this.#follow();

  /** Opens what the hash names. It may name something else by the time that is open. */
  async #follow(): Promise<void> {
    if (!this.#host.hash || !this.#ready || this.#following) return;
    const { archive, begin, open } = this.#parts;
    this.#following = true;
    this.#waiting = false;
    try {
      for (let id = chatOf(location.hash); id !== null && id !== archive.current; id = chatOf(location.hash)) {
        if (id === undefined) begin();
        else if (archive.chats.some((chat) => chat.id === id)) await open(id);
        if (id === archive.current || chatOf(location.hash) !== id) continue;
        this.#waiting = archive.trouble !== undefined;
        if (!this.#waiting) archive.reportMissing();
        break;
      }
      this.#moved = false;
    } finally {
      this.#following = false;
    }
    this.#write();
  }

  #write(): void {
    const { chats, current, trouble } = this.#parts.archive;
    const named = chatOf(location.hash);
    if (!this.#host.hash || !this.#ready || this.#following || this.#waiting || trouble) return;
    // A hash of the page's own goes when a chat is opened, and not before.
    if (named === current || (named === null && current === undefined)) return;
    // Nobody wants to go back to a chat that is deleted, or to a new one that has a name by now.
    const passes = this.#moved && (typeof named !== 'string' || chats.some(({ id }) => id === named));
    this.#moved = false;
    const address = location.pathname + location.search + hashOf(current);
    try {
      if (passes) history.pushState(history.state, '', address);
      else history.replaceState(history.state, '', address);
    } catch {
      // A browser that refuses, as for too many changes at once, leaves the hash as it is.
    }
  }
}
