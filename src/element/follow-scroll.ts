// Keeps the newest text in sight while it grows, and lets go the moment a person scrolls up.

import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** How near the end counts as being at it, in CSS pixels: less than two lines of text. */
const NEAR = 40;

/** Follows the end of a scrolling box whose content grows. */
export class FollowScroll implements ReactiveController {
  /** False after the person has scrolled up, until they are at the end again. */
  following = true;
  readonly #host: ReactiveControllerHost;
  #box: HTMLElement | undefined;
  #lastTop = 0;
  readonly #observer = new ResizeObserver(() => this.#stick());

  /** @param host redrawn when `following` changes */
  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  /** Watches a box and the content in it; the same box again changes nothing. */
  attach(box: HTMLElement | null | undefined): void {
    if (box === this.#box) return;
    this.#detach();
    if (!box) return;
    this.#box = box;
    box.addEventListener('scroll', this.#onScroll, { passive: true });
    this.#observer.observe(box);
    for (const child of box.children) this.#observer.observe(child);
  }

  /** Goes to the end and follows again. */
  jump(): void {
    this.#setFollowing(true);
    this.#stick();
  }

  hostDisconnected(): void {
    this.#detach();
  }

  #detach(): void {
    this.#observer.disconnect();
    this.#box?.removeEventListener('scroll', this.#onScroll);
    this.#box = undefined;
  }

  #stick(): void {
    const box = this.#box;
    if (!box) return;
    // While the end is kept in sight here, the browser must not hold on to what is above it.
    box.style.overflowAnchor = this.following ? 'none' : 'auto';
    if (this.following) box.scrollTop = box.scrollHeight;
  }

  readonly #onScroll = (): void => {
    const box = this.#box;
    if (!box) return;
    const rest = box.scrollHeight - box.clientHeight - box.scrollTop;
    // Content may grow between our own scrolling and its event; only a move upwards is the person's.
    if (rest <= NEAR) this.#setFollowing(true);
    else if (box.scrollTop < this.#lastTop) this.#setFollowing(false);
    this.#lastTop = box.scrollTop;
  };

  #setFollowing(following: boolean): void {
    if (this.following === following) return;
    this.following = following;
    this.#stick();
    this.#host.requestUpdate();
  }
}
