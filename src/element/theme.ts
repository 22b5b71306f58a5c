// Which colours the element wears: the person's choice, else the system's.

import type { ReactiveController } from 'lit';
import type { LitElement } from 'lit';
import { chatEvent } from './events.ts';
import { readTheme, writeTheme, type Theme } from './settings/preferences.ts';

/** Keeps `data-colours` of its host at `light` or `dark` where either was chosen, and tells the page what is worn. */
export class ThemeController implements ReactiveController {
  /** The page's colours, where nobody has chosen. */
  fallback: Theme = 'auto';
  #chosen = readTheme();
  #worn: 'light' | 'dark' | undefined;
  readonly #host: LitElement;
  readonly #system = matchMedia('(prefers-color-scheme: dark)');

  /** @param host the element that is painted; it fires `bamba-theme` */
  constructor(host: LitElement) {
    this.#host = host;
    host.addController(this);
  }

  /** The colours in force: the person's choice, else the page's. */
  get choice(): Theme {
    return this.#chosen ?? this.fallback;
  }

  /** Whether the colours are dark now. */
  get dark(): boolean {
    return this.choice === 'auto' ? this.#system.matches : this.choice === 'dark';
  }

  /** Chooses, and remembers the choice. */
  choose(theme: Theme): void {
    this.#chosen = theme;
    writeTheme(theme);
    this.apply();
  }

  /** Paints the host as it is to be now. */
  apply(): void {
    const { choice } = this;
    const { dataset } = this.#host;
    const worn = this.dark ? 'dark' : 'light';
    const chosen = choice === 'auto' ? undefined : choice;
    if (this.#worn !== worn || dataset['colours'] !== chosen) {
      this.#worn = worn;
      if (chosen) dataset['colours'] = chosen;
      else delete dataset['colours'];
      this.#host.dispatchEvent(chatEvent('bamba-theme', worn));
    }
    this.#host.requestUpdate();
  }

  hostConnected(): void {
    this.#system.addEventListener('change', this.#onSystem);
    this.apply();
  }

  hostDisconnected(): void {
    this.#system.removeEventListener('change', this.#onSystem);
  }

  readonly #onSystem = (): void => this.apply();
}
