// Text may come faster than frames; what is drawn is at most once a frame.

import type { ReactiveControllerHost } from 'lit';

/** Updates of a host. */
export class FrameUpdates {
  readonly #host: ReactiveControllerHost;
  #frame = 0;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
  }

  /** Draws with the next frame. */
  soon(): void {
    this.#frame ||= requestAnimationFrame(() => this.now());
  }

  /** Draws at once. */
  now(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#host.requestUpdate();
  }
}
