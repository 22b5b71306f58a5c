// Settings under names: to use them, to give what is set now a name, to forget them.

import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { closeIcon, tickIcon } from '../icons.ts';
import { LONGEST_NAME, NamedSettingsList, type NamedSettings } from './named-settings.ts';
import type { OwnSettings } from './own-settings.ts';

/**
 * The list of named settings.
 *
 * @fires bamba-use-settings - settings were chosen; `detail` is the `OwnSettings`.
 * @internal
 */
export class BambaNamedSettings extends LitElement {
  static override properties = {
    current: { attribute: false },
    name: { state: true },
    said: { state: true },
  };

  /** The settings in force. */
  declare current: OwnSettings;
  /** The name that is typed. */
  declare private name: string;
  /** The last action, as a sentence. */
  declare private said: string;
  readonly #list = new NamedSettingsList();

  constructor() {
    super();
    this.current = { system: '', sampling: {} };
    this.name = '';
    this.said = '';
  }

  /** Shows what other tabs have named. */
  refresh(): void {
    this.#list.read();
    this.name = '';
    this.said = '';
    this.requestUpdate();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult {
    const { all } = this.#list;
    const used = this.#list.nameOf(this.current);
    const replaces = all.some(({ name }) => name === this.name.trim());
    return html`<section aria-labelledby="named-title">
      <h3 id="named-title">Presets</h3>
      ${
        all.length > 0
          ? html`<ul class="named" aria-labelledby="named-title">
              ${all.map((each) => this.#row(each, each.name === used))}
            </ul>`
          : nothing
      }
      <form class="name-settings" @submit=${this.#save}>
        <input
          class="rename"
          aria-label="Name of a new preset"
          placeholder="Name"
          maxlength=${LONGEST_NAME}
          autocomplete="off"
          .value=${live(this.name)}
          @input=${(event: Event) => (this.name = (event.target as HTMLInputElement).value)}
        />
        <button class="button" type="submit" ?disabled=${this.name.trim() === ''}>
          ${replaces ? 'Replace' : 'Save'}
        </button>
      </form>
      <p class="hint" aria-live="polite">
        ${this.said || 'Save the system prompt and the settings below under a name.'}
      </p>
    </section>`;
  }

  #row(each: NamedSettings, used: boolean): TemplateResult {
    const { name } = each;
    return html`<li>
      <button
        class="named-use"
        type="button"
        dir="auto"
        aria-pressed=${used ? 'true' : 'false'}
        @click=${() => this.#use(each)}
      >
        <span>${name}</span>${used ? tickIcon : nothing}
      </button>
      <button
        class="icon-button small"
        type="button"
        aria-label=${`Delete the preset “${name}”`}
        title="Delete"
        @click=${() => this.#delete(name)}
      >
        ${closeIcon}
      </button>
    </li>`;
  }

  #use({ name, system, sampling }: NamedSettings): void {
    this.dispatchEvent(new CustomEvent('bamba-use-settings', { detail: { system, sampling }, bubbles: true }));
    this.said = `“${name}” is in use now.`;
  }

  readonly #save = (event: Event): void => {
    event.preventDefault();
    const { system, sampling } = this.current;
    const name = this.#list.save(this.name, { system, sampling });
    if (name === undefined) return;
    this.name = '';
    this.said = `“${name}” is saved.`;
  };

  async #delete(name: string): Promise<void> {
    const index = this.#list.all.findIndex((each) => each.name === name);
    this.#list.delete(name);
    this.said = `“${name}” is deleted.`;
    await this.updateComplete;
    // The focus stays in the list as long as there is one.
    const rows = this.querySelectorAll<HTMLElement>('.named-use');
    (rows[Math.min(index, rows.length - 1)] ?? this.querySelector<HTMLElement>('.rename'))?.focus();
  }
}
