// The models: which one runs, which this browser keeps, which there are to choose from, and any other.

import { html, LitElement, nothing, type TemplateResult } from 'lit';
import type { Scheme, StoredModel } from '../engine/protocol.ts';
import { asFault } from './faults.ts';
import { formatBytes, formatParameters } from './format.ts';
import { closeIcon } from './icons.ts';
import { DTYPES, fullName, parseModel, type ModelChoice } from './model-choice.ts';
import { askToKeep, browserModels, storageFacts, type ModelStore, type StorageFacts } from './model-store.ts';
import type { ModelPreset } from './presets.ts';

/**
 * A dialog to choose a model in.
 *
 * @fires bamba-choose - `detail` is the `ModelChoice` to load.
 * @fires bamba-announce - `detail` is a sentence for screen readers.
 * @internal
 */
export class BambaModels extends LitElement {
  static override properties = {
    presets: { attribute: false },
    running: { attribute: false },
    store: { attribute: false },
    stored: { state: true },
    facts: { state: true },
    chosen: { state: true },
    typed: { state: true },
    otherDtype: { state: true },
    wrong: { state: true },
    doomed: { state: true },
    opened: { state: true },
  };

  declare presets: readonly ModelPreset[];
  /** What runs, or is being loaded. */
  declare running: ModelChoice | undefined;
  declare store: ModelStore;
  /** Undefined until it is known. */
  declare private stored: readonly StoredModel[] | undefined;
  declare private facts: StorageFacts | undefined;
  /** Types chosen for presets. */
  declare private chosen: Readonly<Record<string, Scheme>>;
  declare private typed: string;
  declare private otherDtype: Scheme;
  declare private wrong: string;
  /** The stored model that is deleted once that is confirmed. */
  declare private doomed: string | undefined;
  /** What nobody sees is not drawn. */
  declare private opened: boolean;

  constructor() {
    super();
    this.presets = [];
    this.store = browserModels;
    this.chosen = {};
    this.typed = '';
    this.otherDtype = 'int8';
    this.wrong = '';
    this.opened = false;
  }

  /** Opens the dialog; focus returns to where it was when it closes. */
  async open(): Promise<void> {
    this.wrong = '';
    this.doomed = undefined;
    this.opened = true;
    void this.#refresh();
    await this.updateComplete;
    this.querySelector('dialog')?.showModal();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult {
    return html`<dialog
      class="sheet models"
      part="models"
      aria-labelledby="models-title"
      @click=${this.#onBackdrop}
      @close=${() => (this.opened = false)}
      @keydown=${this.#keepEscape}
    >
      ${this.opened ? this.#body() : nothing}
    </dialog>`;
  }

  #body(): TemplateResult {
    return html`<div class="sheet-body">
      <div class="sheet-head">
        <h2 id="models-title">Models</h2>
        <button class="icon-button" type="button" aria-label="Close models" title="Close (Esc)" @click=${this.#close}>
          ${closeIcon}
        </button>
      </div>
      ${this.#keptModels()}
      <section aria-labelledby="presets-title">
        <h3 id="presets-title">To choose from</h3>
        <p class="hint">
          Loaded once, from the repository itself, and made smaller on the way; then kept in this browser.
        </p>
        <ul class="model-list">
          ${this.presets.map((preset) => html`<li>${this.#preset(preset)}</li>`)}
        </ul>
      </section>
      ${this.#other()}
    </div>`;
  }

  #keptModels(): TemplateResult {
    const { facts } = this;
    return html`<section aria-labelledby="kept-title">
      <h3 id="kept-title">Kept in this browser</h3>
      ${
        !this.stored?.length
          ? html`<p class="hint">${this.stored ? 'None yet.' : 'Looking …'}</p>`
          : html`<ul class="model-list">
              ${this.stored.map((model) => html`<li>${this.#kept(model)}</li>`)}
            </ul>`
      }
      ${facts?.usedBytes === undefined ? nothing : this.#storage(facts)}
    </section>`;
  }

  #kept(model: StoredModel): TemplateResult {
    const { id, name, dtype, bytes, totalBytes, complete } = model;
    const running = isRunning(this.running, model.model, dtype);
    const size = complete ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}, goes on`;
    return html`<div class="model">
      <div class="model-name">
        <span class="name">${name}</span>
        <span class="muted">${dtype} · ${size}</span>
      </div>
      <div class="model-actions">
        ${
          this.doomed === id
            ? html`<button class="text-button" type="button" @click=${() => (this.doomed = undefined)}>Keep</button>
                <button class="button danger" type="button" @click=${() => this.#delete(model)}>
                  Delete ${formatBytes(bytes)}
                </button>`
            : html`<button
                  class="text-button"
                  type="button"
                  aria-label=${`Delete ${name}, ${dtype}`}
                  @click=${() => (this.doomed = id)}
                >
                  Delete
                </button>
                ${
                  running
                    ? html`<span class="badge">Running</span>`
                    : html`<button
                        class="button quiet"
                        type="button"
                        aria-label=${`Use ${name}, ${dtype}`}
                        @click=${() => this.#choose(choiceOf(model))}
                      >
                        Use
                      </button>`
                }`
        }
      </div>
    </div>`;
  }

  #storage({ usedBytes = 0, quotaBytes, persisted }: StorageFacts): TemplateResult {
    const room = quotaBytes === undefined ? '' : ` of ${formatBytes(quotaBytes)} that this site may use`;
    return html`<div class="storage">
      <span>${formatBytes(usedBytes)}${room}</span>
      ${
        persisted
          ? html`<span>The browser keeps it until you delete it.</span>`
          : html`<button class="text-button" type="button" @click=${this.#keep}>
              Ask the browser not to clear it by itself
            </button>`
      }
    </div>`;
  }

  #preset(preset: ModelPreset): TemplateResult {
    const { model, name, about, licence, parameters, downloadBytes, sizes, stateBytes, chats } = preset;
    const dtypes = Object.keys(sizes) as Scheme[];
    const here = isRunning(this.running, model, undefined) ? this.running?.dtype : undefined;
    const dtype = this.chosen[model] ?? here ?? dtypes[0];
    const bytes = (dtype && sizes[dtype]) ?? 0;
    const running = isRunning(this.running, model, dtype);
    const figures = [
      `${formatParameters(parameters)} parameters`,
      `${formatBytes(downloadBytes)} to download`,
      ...(downloadBytes === bytes ? [] : [`${formatBytes(bytes)} kept`]),
      `${formatBytes(bytes + stateBytes)} of GPU memory`,
    ];
    // The figures are round ones.
    const facts = [...figures.map((figure) => figure.replace('.0 ', ' ')), licence];
    return html`<div class="model preset">
      <div class="model-name">
        <span class="name">${name}</span>
        ${chats ? nothing : html`<span class="badge plain">Plain completion</span>`}
      </div>
      <p>${about}</p>
      <p class="muted">
        ${facts.map((fact, index) => html`<span class="fact">${fact}${index < facts.length - 1 ? ' ·' : ''}</span> `)}
      </p>
      <div class="model-actions">
        ${
          dtypes.length < 2
            ? nothing
            : html`<select
                aria-label=${`Type of ${name}`}
                @change=${(event: Event) => this.#onDtype(model, event.target as HTMLSelectElement)}
              >
                ${dtypes.map((each) => html`<option value=${each} ?selected=${each === dtype}>${each}</option>`)}
              </select>`
        }
        ${
          running
            ? html`<span class="badge">Running</span>`
            : html`<button
                class="button quiet"
                type="button"
                aria-label=${`Load ${name}`}
                @click=${() => this.#choose({ model, ...(dtypes.length > 1 && dtype && { dtype }) })}
              >
                Load
              </button>`
        }
      </div>
    </div>`;
  }

  #other(): TemplateResult {
    return html`<section aria-labelledby="other-title">
      <h3 id="other-title">Any other</h3>
      <p class="hint" id="other-hint">
        A repository of the Hugging Face Hub as <code>org/name</code>, or the address of a folder with a model.
      </p>
      <form class="other" novalidate @submit=${this.#onSubmit}>
        <input
          class="text"
          aria-label="Repository or address"
          aria-describedby=${this.wrong ? 'other-wrong' : 'other-hint'}
          aria-invalid=${this.wrong ? 'true' : 'false'}
          placeholder="org/name"
          autocomplete="off"
          autocapitalize="none"
          spellcheck="false"
          .value=${this.typed}
          @input=${(event: Event) => (this.typed = (event.target as HTMLInputElement).value)}
        />
        <select
          aria-label="Type to store it in"
          @change=${(event: Event) => (this.otherDtype = (event.target as HTMLSelectElement).value as Scheme)}
        >
          ${DTYPES.map((each) => html`<option value=${each} ?selected=${each === this.otherDtype}>${each}</option>`)}
        </select>
        <button class="button quiet">Load</button>
      </form>
      ${this.wrong ? html`<p class="hint wrong" id="other-wrong" role="alert">${this.wrong}</p>` : nothing}
      <button
        class="text-button"
        type="button"
        @click=${() => this.querySelector<HTMLInputElement>('.folder')?.click()}
      >
        Choose a folder on this device
      </button>
      <input
        class="folder"
        type="file"
        webkitdirectory
        hidden
        aria-label="Folder with a model"
        @change=${this.#onFolder}
      />
    </section>`;
  }

  async #refresh(): Promise<void> {
    this.facts = await storageFacts();
    try {
      this.stored = await this.store.list();
    } catch {
      // No storage here: nothing is kept.
      this.stored = [];
    }
  }

  async #delete(model: StoredModel): Promise<void> {
    this.doomed = undefined;
    try {
      await this.store.delete(model.id);
      this.#emit('bamba-announce', `${model.name} is deleted.`);
    } catch (error) {
      this.wrong = asFault(error).sentence;
    }
    await this.#refresh();
    this.querySelector<HTMLElement>('.sheet-head button')?.focus();
  }

  readonly #keep = async (): Promise<void> => {
    const kept = await askToKeep();
    this.facts = await storageFacts();
    this.#emit('bamba-announce', kept ? 'The browser keeps it.' : 'The browser does not promise to keep it.');
  };

  #onDtype(model: string, { value }: HTMLSelectElement): void {
    this.chosen = { ...this.chosen, [model]: value as Scheme };
  }

  readonly #onSubmit = (event: Event): void => {
    event.preventDefault();
    const parsed = parseModel(this.typed);
    this.wrong = parsed.ok ? '' : parsed.sentence;
    if (parsed.ok) this.#choose({ ...parsed.choice, dtype: this.otherDtype });
    else this.querySelector<HTMLElement>('input.text')?.focus();
  };

  readonly #onFolder = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    const name = files[0]?.webkitRelativePath.split('/')[0];
    input.value = '';
    if (name) this.#choose({ model: name, files, dtype: this.otherDtype });
  };

  #choose(choice: ModelChoice): void {
    this.#close();
    this.#emit('bamba-choose', choice);
  }

  readonly #close = (): void => {
    this.querySelector('dialog')?.close();
  };

  readonly #onBackdrop = (event: MouseEvent): void => {
    // The sheet fills the dialog: a click on the dialog itself is one on its backdrop.
    if (event.target === event.currentTarget) this.#close();
  };

  /** Escape closes the dialog, and must not stop an answer as well. */
  readonly #keepEscape = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') event.stopPropagation();
  };

  #emit(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }
}

/** How a stored model is loaded again. */
function choiceOf({ model, dtype, revision }: StoredModel): ModelChoice {
  return { model, dtype, ...(revision !== undefined && { revision }) };
}

/** Whether a model runs, in a type or in any. */
function isRunning(running: ModelChoice | undefined, model: string, dtype: Scheme | undefined): boolean {
  if (!running || fullName(running.model) !== fullName(model)) return false;
  return running.dtype === undefined || dtype === undefined || running.dtype === dtype;
}
