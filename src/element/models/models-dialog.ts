// The models: which one runs, which this browser keeps, which there are to choose from, and any other.

import { html, nothing, type TemplateResult } from 'lit';
import type { Scheme, StoredModel } from '../../engine/protocol.ts';
import { sentenceOf } from '../faults.ts';
import { formatBytes } from '../format.ts';
import { firstType, type GpuFacts, readGpu } from './gpu-fit.ts';
import { closeIcon } from '../icons.ts';
import { keptCard } from './kept-card.ts';
import { SafeElement } from '../last-resort.ts';
import { DTYPES, fullName, parseModel, type ModelChoice } from './model-choice.ts';
import { askToKeep, browserModels, storageFacts, type ModelStore, type StorageFacts } from './model-store.ts';
import { presetCard } from './preset-card.ts';
import type { ModelPreset } from './presets.ts';

/**
 * A dialog to choose a model in.
 *
 * @fires bamba-choose - `detail` is the `ModelChoice` to load.
 * @fires bamba-announce - `detail` is a sentence for screen readers.
 * @internal
 */
export class BambaModels extends SafeElement {
  static override properties = {
    presets: { attribute: false },
    running: { attribute: false },
    loading: { attribute: false },
    failure: { attribute: false },
    store: { attribute: false },
    stored: { state: true },
    facts: { state: true },
    stateBytes: { state: true },
    gpu: { state: true },
    unread: { state: true },
    chosen: { state: true },
    typed: { state: true },
    otherDtype: { state: true },
    wrong: { state: true },
    doomed: { state: true },
    undeleted: { state: true },
    opened: { state: true },
  };

  declare presets: readonly ModelPreset[];
  /** What runs. */
  declare running: ModelChoice | undefined;
  /** What is on its way. */
  declare loading: ModelChoice | undefined;
  /** What could not be loaded, and why. */
  declare failure: { choice: ModelChoice; sentence: string } | undefined;
  declare store: ModelStore;
  /** Undefined until it is known. */
  declare private stored: readonly StoredModel[] | undefined;
  declare private facts: StorageFacts | undefined;
  /** Of what is kept of chats beside their text. */
  declare private stateBytes: number;
  declare private gpu: GpuFacts | undefined;
  /** Why the list of what is kept cannot be read; empty where it can. */
  declare private unread: string;
  /** Types chosen for presets. */
  declare private chosen: Readonly<Record<string, Scheme>>;
  declare private typed: string;
  declare private otherDtype: Scheme;
  declare private wrong: string;
  /** The stored model that is deleted once that is confirmed. */
  declare private doomed: string | undefined;
  /** The stored model that could not be deleted, and why. */
  declare private undeleted: { id: string; sentence: string } | undefined;
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
    this.unread = '';
    this.stateBytes = 0;
    this.opened = false;
  }

  /** Opens the dialog; focus returns to where it was when it closes. */
  async open(): Promise<void> {
    this.wrong = '';
    this.doomed = undefined;
    this.undeleted = undefined;
    this.opened = true;
    const refreshed = this.#refresh();
    await this.updateComplete;
    this.querySelector('dialog')?.showModal();
    await refreshed;
    await this.updateComplete;
    // Whoever comes to see what has failed sees it.
    this.querySelector('.wrong')?.scrollIntoView({ block: 'center' });
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
          Loaded once, from the repository itself, and made smaller on the way; then kept in this browser. What should
          fit is judged by the largest buffer that your GPU gives. <em>Untried</em> are those whose own weights nobody
          has run here yet.
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
          ? html`<p class="hint">${this.unread || (this.stored ? 'None yet.' : 'Looking …')}</p>`
          : html`<ul class="model-list">
              ${this.stored.map((model) => html`<li>${this.#kept(model)}</li>`)}
            </ul>`
      }
      ${this.stateBytes === 0 ? nothing : this.#states()}
      ${facts?.usedBytes === undefined ? nothing : this.#storage(facts)}
    </section>`;
  }

  #kept(model: StoredModel): TemplateResult {
    const { failure, loading, running, undeleted } = this;
    const { dtype, id } = model;
    const status = isOneOf(running, model.model, dtype)
      ? 'running'
      : isOneOf(loading, model.model, dtype)
        ? 'loading'
        : 'none';
    const unloaded = isOneOf(failure?.choice, model.model, dtype) ? (failure?.sentence ?? '') : '';
    return keptCard({
      model,
      status,
      doomed: this.doomed === id,
      failure: undeleted?.id === id ? undeleted.sentence : unloaded && `Could not be loaded: ${unloaded}`,
      use: () => this.#choose(choiceOf(model)),
      askToDelete: () => (this.doomed = id),
      keep: () => (this.doomed = undefined),
      delete: () => void this.#delete(model),
    });
  }

  #states(): TemplateResult {
    return html`<div class="storage states">
      <span>${formatBytes(this.stateBytes)} of chats as the model has read them, so that they go on at once</span>
      <button class="text-button" type="button" @click=${this.#deleteStates}>Delete</button>
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
    const { model, sizes } = preset;
    const { failure, loading, running } = this;
    const here = isOneOf(running, model) ? running?.dtype : undefined;
    const dtype = this.chosen[model] ?? here ?? firstType(preset, this.gpu);
    const typed = Object.keys(sizes).length > 1 && dtype;
    return presetCard({
      preset,
      dtype,
      gpu: this.gpu,
      status: isOneOf(running, model, dtype) ? 'running' : isOneOf(loading, model, dtype) ? 'loading' : 'none',
      failure: isOneOf(failure?.choice, model) ? (failure?.sentence ?? '') : '',
      chooseType: (type) => (this.chosen = { ...this.chosen, [model]: type }),
      load: () => this.#choose({ model, ...(typed && { dtype: typed }) }),
    });
  }

  /** What is wrong with what was typed: at once, or once it was tried. */
  #sentence(): string {
    const { failure, presets, stored = [], wrong } = this;
    const listed =
      presets.some(({ model }) => isOneOf(failure?.choice, model)) ||
      stored.some(({ model, dtype }) => isOneOf(failure?.choice, model, dtype));
    if (wrong !== '' || !failure || listed) return wrong;
    return `${failure.choice.model} could not be loaded: ${failure.sentence}`;
  }

  #other(): TemplateResult {
    const wrong = this.#sentence();
    return html`<section aria-labelledby="other-title">
      <h3 id="other-title">Any other</h3>
      <p class="hint" id="other-hint">
        A repository of the Hugging Face Hub as <code>org/name</code>, or the address of a folder with a model or of a
        GGUF file.
      </p>
      <form class="other" novalidate @submit=${this.#onSubmit}>
        <input
          class="text"
          aria-label="Repository or address"
          aria-describedby=${wrong ? 'other-wrong' : 'other-hint'}
          aria-invalid=${wrong ? 'true' : 'false'}
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
      ${wrong ? html`<p class="hint wrong" id="other-wrong" role="alert">${wrong}</p>` : nothing}
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
      <button class="text-button" type="button" @click=${() => this.querySelector<HTMLInputElement>('.gguf')?.click()}>
        Choose a GGUF file on this device
      </button>
      <input
        class="gguf"
        type="file"
        accept=".gguf"
        hidden
        aria-label="GGUF file with a model"
        @change=${this.#onFile}
      />
    </section>`;
  }

  async #refresh(): Promise<void> {
    this.facts = await storageFacts();
    // Where they cannot be counted, the list below says what is wrong with storage.
    this.stateBytes = await this.store.stateBytes().catch(() => 0);
    this.gpu ??= await readGpu();
    try {
      this.stored = await this.store.list();
      this.unread = '';
    } catch (error) {
      this.stored = [];
      this.unread = sentenceOf(error);
    }
  }

  async #delete(model: StoredModel): Promise<void> {
    this.doomed = undefined;
    this.undeleted = undefined;
    try {
      await this.store.delete(model.id);
      this.#emit('bamba-announce', `${model.name} is deleted.`);
    } catch (error) {
      this.undeleted = { id: model.id, sentence: `Could not be deleted: ${sentenceOf(error)}` };
    }
    await this.#refresh();
    this.querySelector<HTMLElement>('.sheet-head button')?.focus();
  }

  readonly #deleteStates = async (): Promise<void> => {
    try {
      await this.store.deleteStates();
      this.#emit('bamba-announce', 'Deleted. The chats themselves are kept, and are read again when they go on.');
    } catch (error) {
      this.#emit('bamba-announce', `Could not be deleted: ${sentenceOf(error)}`);
    }
    await this.#refresh();
    this.querySelector<HTMLElement>('.sheet-head button')?.focus();
  };

  readonly #keep = async (): Promise<void> => {
    const kept = await askToKeep();
    this.facts = await storageFacts();
    this.#emit('bamba-announce', kept ? 'The browser keeps it.' : 'The browser does not promise to keep it.');
  };

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

  readonly #onFile = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    const [file] = files;
    input.value = '';
    if (file) this.#choose({ model: file.name.replace(/\.gguf$/i, ''), files, dtype: this.otherDtype });
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

/** Whether a choice names a model, in a type or in any. */
function isOneOf(choice: ModelChoice | undefined, model: string, dtype?: Scheme): boolean {
  if (!choice || fullName(choice.model) !== fullName(model)) return false;
  return choice.dtype === undefined || dtype === undefined || choice.dtype === dtype;
}
