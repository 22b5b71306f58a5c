// Sentences for screen readers, in a live region of the host.

import { html, type ReactiveControllerHost, type TemplateResult } from 'lit';

/** Holds the last sentence. */
export class Announcer {
  readonly #host: ReactiveControllerHost;
  #sentence = '';

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
  }

  /** Has a sentence said. */
  say(sentence: string): void {
    // A live region speaks when its text changes: the same sentence twice needs a difference that nobody hears.
    this.#sentence = sentence !== '' && sentence === this.#sentence ? `${sentence}\u00a0` : sentence;
    this.#host.requestUpdate();
  }

  /** Draws the region. */
  render(): TemplateResult {
    return html`<div class="visually-hidden" role="status">${this.#sentence}</div>`;
  }
}
