// The settings: how answers are drawn, how the page looks, and the facts about what is running.

import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { EngineInfo } from '../../engine/protocol.ts';
import { adapterName } from '../../engine/loading/adapter-name.ts';
import { formatBytes, formatInteger, formatParameters } from '../format.ts';
import { closeIcon } from '../icons.ts';
import { SafeElement } from '../last-resort.ts';
import type { BambaNamedSettings } from './named-settings-view.ts';
import type { Theme } from './preferences.ts';
import {
  defaultText,
  isSampling,
  parseSetting,
  rangeText,
  SETTING_FIELDS,
  settingText,
  type SettingField,
  type SettingName,
  type SettingOverrides,
} from './sampling-settings.ts';

const THEMES: readonly (readonly [theme: Theme, label: string])[] = [
  ['auto', 'System'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

/** Said once, at the temperature, rather than at every field that it concerns. */
const NO_SAMPLING = 'Then top-p, min-p, top-k and the seed have no effect.';

/**
 * A sheet at the side, at the foot of a phone. Valid values take effect as they are typed. An invalid one stays in its field
 * with a sentence, and the last valid one stays in force.
 *
 * @fires bamba-scope - `detail` says whether the open chat is to have settings of its own.
 * @fires bamba-system - `detail` is the new system prompt.
 * @fires bamba-settings - `detail` is the new `SettingOverrides`.
 * @fires bamba-theme-choice - `detail` is the chosen `Theme`.
 * @internal
 */
export class BambaSettings extends SafeElement {
  static override properties = {
    own: { attribute: false },
    overrides: { attribute: false },
    system: { attribute: false },
    fallbacks: { attribute: false },
    info: { attribute: false },
    theme: {},
    typed: { state: true },
  };

  /** The settings are for the open chat alone. */
  declare own: boolean;
  declare overrides: SettingOverrides;
  /** Said to the model before every chat. */
  declare system: string;
  /** Values for empty fields, before the model's own defaults. */
  declare fallbacks: SettingOverrides;
  declare info: EngineInfo | undefined;
  declare theme: Theme;
  /** Text in fields that is not a value (yet). */
  declare private typed: Partial<Record<SettingName, string>>;

  constructor() {
    super();
    this.own = false;
    this.overrides = {};
    this.system = '';
    this.fallbacks = {};
    this.theme = 'auto';
    this.typed = {};
  }

  /** Opens the sheet; focus returns to where it was when it closes. */
  open(): void {
    this.typed = {};
    this.querySelector<BambaNamedSettings>('bamba-named-settings')?.refresh();
    this.querySelector('dialog')?.showModal();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult {
    return html`<dialog
      class="sheet"
      part="settings"
      aria-labelledby="settings-title"
      @click=${this.#onBackdrop}
      @keydown=${this.#keepEscape}
    >
      <div class="sheet-body">
        <div class="sheet-head">
          <h2 id="settings-title">Settings</h2>
          <button
            class="icon-button"
            type="button"
            aria-label="Close settings"
            title="Close (Esc)"
            @click=${this.#close}
          >
            ${closeIcon}
          </button>
        </div>
        ${this.#scope()}
        <bamba-named-settings
          .current=${{ system: this.system, sampling: this.overrides }}
          @bamba-use-settings=${this.#forgetTyped}
        ></bamba-named-settings>
        ${this.info?.model.hasChatTemplate === false ? nothing : this.#systemPrompt()}
        <section aria-labelledby="sampling-title">
          <div class="section-head">
            <h3 id="sampling-title">Answers</h3>
            <button class="text-button" type="button" @click=${this.#reset}>Reset to the model’s defaults</button>
          </div>
          <p class="hint">Changes apply from the next answer. An empty field stands for the model’s default.</p>
          ${SETTING_FIELDS.map((field) => this.#field(field))}
        </section>
        <section aria-labelledby="appearance-title">
          <h3 id="appearance-title">Appearance</h3>
          ${this.#themes()}
        </section>
        ${this.info ? this.#about(this.info) : nothing}
        <slot name="settings"></slot>
      </div>
    </dialog>`;
  }

  #scope(): TemplateResult {
    const choice = (own: boolean, label: string): TemplateResult =>
      html`<label>
        <input
          type="radio"
          name="bamba-scope"
          .checked=${live(this.own === own)}
          @change=${() => (this.#forgetTyped(), this.#emit('bamba-scope', own))}
        />
        <span>${label}</span>
      </label>`;
    return html`<section aria-labelledby="scope-title">
      <h3 id="scope-title">These settings are for</h3>
      <fieldset class="choices two" aria-labelledby="scope-title" aria-describedby="scope-hint">
        ${choice(false, 'This model')} ${choice(true, 'This chat alone')}
      </fieldset>
      <p class="hint" id="scope-hint">
        ${
          this.own
            ? 'These settings are for this chat alone. They are kept with it.'
            : 'These settings are for all chats with this model. A chat with settings of its own keeps them.'
        }
      </p>
    </section>`;
  }

  #systemPrompt(): TemplateResult {
    return html`<section aria-labelledby="system-title">
      <h3 id="system-title">System prompt</h3>
      <textarea
        class="system"
        rows="3"
        dir="auto"
        aria-labelledby="system-title"
        aria-describedby="system-hint"
        .value=${live(this.system)}
        @input=${(event: Event) => this.#emit('bamba-system', (event.target as HTMLTextAreaElement).value)}
      ></textarea>
      <p class="hint" id="system-hint">
        Sent before ${this.own ? 'this' : 'every'} chat: a role for the model, and rules for its answers.
      </p>
    </section>`;
  }

  #field(field: SettingField): TemplateResult {
    const { name, slider } = field;
    const typed = this.typed[name];
    const value = this.overrides[name];
    const parsed = typed === undefined ? undefined : parseSetting(field, typed);
    const { overrides, fallbacks, info } = this;
    const sampling = isSampling({ ...fallbacks, ...overrides }, info?.sampling);
    const idle = field.onlyWhenSampling === true && !sampling;
    const fallback = fallbacks[name] === undefined ? defaultText(field, info?.sampling) : String(fallbacks[name]);
    // A refused value changes nothing; the sentence names the value in force.
    const sentence = parsed?.ok === false ? `${parsed.sentence} In force: ${settingText(value) || fallback}.` : '';
    return html`<div class=${`field ${idle ? 'idle' : ''} ${slider ? '' : 'wide'}`}>
      <label for=${`setting-${name}`}>${field.label}</label>
      <input
        id=${`setting-${name}`}
        class="number"
        inputmode=${field.integer ? 'numeric' : 'decimal'}
        autocomplete="off"
        spellcheck="false"
        .value=${typed ?? settingText(value)}
        placeholder=${fallback}
        aria-invalid=${sentence ? 'true' : 'false'}
        aria-describedby=${`about-${name}`}
        @input=${(event: Event) => this.#onText(field, (event.target as HTMLInputElement).value)}
      />
      ${
        slider
          ? html`<input
              type="range"
              aria-label=${`${field.label}, slider`}
              min=${slider.min}
              max=${slider.max}
              step=${slider.step}
              .value=${String(value ?? (Number(fallback) || 0))}
              @input=${(event: Event) => this.#onText(field, (event.target as HTMLInputElement).value)}
            />`
          : nothing
      }
      <p class=${sentence ? 'hint wrong' : 'hint'} id=${`about-${name}`} aria-live="polite">
        ${sentence || html`<span class="range">${rangeText(field)}</span> · ${field.hint}`}
        ${sentence === '' && name === 'temperature' && !sampling ? NO_SAMPLING : nothing}
      </p>
    </div>`;
  }

  #themes(): TemplateResult {
    return html`<fieldset class="choices">
      <legend class="visually-hidden">Appearance</legend>
      ${THEMES.map(
        ([theme, label]) =>
          html`<label>
            <input
              type="radio"
              name="bamba-theme"
              .checked=${this.theme === theme}
              @change=${() => this.#emit('bamba-theme-choice', theme)}
            />
            <span>${label}</span>
          </label>`,
      )}
    </fieldset>`;
  }

  #about({ model, adapter }: EngineInfo): TemplateResult {
    const rows: [string, string][] = [
      ['Name', model.name],
      ['Parameters', formatParameters(model.parameters)],
      ['Weights', `${model.scheme}, ${formatBytes(model.bytes)} on the GPU`],
      ['Context', `${formatInteger(model.contextLength)} tokens`],
      ['GPU', adapterName(adapter)],
      ['Features', adapter.features.join(', ') || 'none beyond the basics'],
    ];
    return html`<section aria-labelledby="about-title">
      <h3 id="about-title">What is running</h3>
      <dl>
        ${rows.map(
          ([term, fact]) =>
            html`<div>
              <dt>${term}</dt>
              <dd>${fact}</dd>
            </div>`,
        )}
      </dl>
    </section>`;
  }

  #onText(field: SettingField, text: string): void {
    const parsed = parseSetting(field, text);
    const typed = { ...this.typed, [field.name]: text };
    if (parsed.ok) {
      // Text such as "0." or "1,50" means its value already; it stays as typed while its field is edited.
      const overrides = { ...this.overrides };
      if (parsed.value === undefined) delete overrides[field.name];
      else overrides[field.name] = parsed.value;
      if (settingText(parsed.value) === text) delete typed[field.name];
      this.#emit('bamba-settings', overrides);
    }
    this.typed = typed;
  }

  /** Other settings hold: what was typed and is not valid goes. */
  readonly #forgetTyped = (): void => {
    this.typed = {};
  };

  readonly #reset = (): void => {
    this.typed = {};
    this.#emit('bamba-settings', {});
  };

  readonly #close = (): void => {
    this.querySelector('dialog')?.close();
  };

  readonly #onBackdrop = (event: MouseEvent): void => {
    // The sheet fills the dialog: a click on the dialog itself is one on its backdrop.
    if (event.target === event.currentTarget) this.#close();
  };

  /** Escape closes the sheet, and must not stop an answer as well. */
  readonly #keepEscape = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') event.stopPropagation();
  };

  #emit(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }
}
