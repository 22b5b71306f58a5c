// The models: the running one, the kept ones, the presets, and any other.

import { html, nothing, type TemplateResult } from 'lit';
import type { Scheme, StoredModel } from '../../engine/protocol.ts';
import { sentenceOf } from '../faults.ts';
import { formatBytes } from '../format.ts';
import { firstType, type GpuFacts, readGpu } from './gpu-fit.ts';
import { closeIcon } from '../icons.ts';
import { keptCard } from './kept-card.ts';
import { SafeElement } from '../last-resort.ts';
import { fullName, type ModelChoice } from './model-choice.ts';
import { askToKeep, browserModels, storageFacts, type ModelStore, type StorageFacts } from './model-store.ts';
import { OtherModel } from './other-model.ts';
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
    asks: { attribute: false },
    store: { attribute: false },
    stored: { state: true },
    facts: { state: true },
    stateBytes: { state: true },
    gpu: { state: true },
    unread: { state: true },
    chosen: { state: true },
    doomed: { state: true },
    undeleted: { state: true },
    opened: { state: true },
  };

  declare presets: readonly ModelPreset[];
  /** The model that runs. */
  declare running: ModelChoice | undefined;
  /** The model that is loading. */
  declare loading: ModelChoice | undefined;
  /** The model that could not be loaded, and the reason. */
  declare failure: { choice: ModelChoice; sentence: string } | undefined;
  /** Whether the store can tell what a model takes: the engine is this library's own. */
  declare asks: boolean;
  declare store: ModelStore;
  /** Undefined until it is known. */
  declare private stored: readonly StoredModel[] | undefined;
  declare private facts: StorageFacts | undefined;
  /** Bytes of the stored states of chats. */
  declare private stateBytes: number;
  declare private gpu: GpuFacts | undefined;
  /** The reason why the list of kept models cannot be read; empty where it can. */
  declare private unread: string;
  /** Types chosen for presets. */
  declare private chosen: Readonly<Record<string, Scheme>>;
  /** The stored model that is deleted once that is confirmed. */
  declare private doomed: string | undefined;
  /** The stored model that could not be deleted, and why. */
  declare private undeleted: { id: string; sentence: string } | undefined;
  /** A closed dialog draws nothing. */
  declare private opened: boolean;
  readonly #other = new OtherModel({
    changed: () => this.requestUpdate(),
    refocus: () => this.querySelector<HTMLElement>('input.text')?.focus(),
    choose: (choice) => this.#choose(choice),
    find: () => (this.asks ? (choice, signal) => this.store.find(choice, signal) : undefined),
  });

  constructor() {
    super();
    this.presets = [];
    this.asks = false;
    this.store = browserModels;
    this.chosen = {};
    this.unread = '';
    this.stateBytes = 0;
    this.opened = false;
  }

  /** Opens the dialog; focus returns to where it was when it closes. */
  async open(): Promise<void> {
    this.#other.reset();
    this.doomed = undefined;
    this.undeleted = undefined;
    this.opened = true;
    const refreshed = this.#refresh();
    await this.updateComplete;
    this.querySelector('dialog')?.showModal();
    await refreshed;
    await this.updateComplete;
    // A person who opens the list after a failure sees the failure.
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
      @close=${this.#onClose}
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
          This browser downloads a model once, makes it smaller, and keeps it. The largest buffer of your GPU decides
          which models should fit. <em>Not yet run here</em>: its architecture is tested, but nobody has run its real
          weights here yet. If you do, tell whoever made this page how it went: the model and its type, your browser and
          GPU, and an answer that it gave.
        </p>
        <ul class="model-list">
          ${this.presets.map((preset) => html`<li>${this.#preset(preset)}</li>`)}
        </ul>
      </section>
      ${this.#other.render(this.#unloaded)}
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
      <span>${formatBytes(this.stateBytes)} of chat states: with them, chats go on at once</span>
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
          : html`<button class="text-button" type="button" @click=${this.#keep}>Ask the browser to keep it</button>`
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

  /** Why a model that is in no list could not be loaded; empty where nothing failed. */
  get #unloaded(): string {
    const { failure, presets, stored = [] } = this;
    const listed =
      presets.some(({ model }) => isOneOf(failure?.choice, model)) ||
      stored.some(({ model, dtype }) => isOneOf(failure?.choice, model, dtype));
    return !failure || listed ? '' : `${failure.choice.model} could not be loaded: ${failure.sentence}`;
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
      this.#emit('bamba-announce', 'Deleted. The chats stay, and the model reads them again when they go on.');
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

  #choose(choice: ModelChoice): void {
    this.#close();
    this.#emit('bamba-choose', choice);
  }

  readonly #close = (): void => {
    this.querySelector('dialog')?.close();
  };

  readonly #onClose = (): void => {
    this.opened = false;
    this.#other.reset();
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
