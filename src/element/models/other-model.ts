// Any other model than those of the list: a person names it, and hears what it takes before anything of it is downloaded.

import { html, nothing, type TemplateResult } from 'lit';
import type { Availability, Scheme } from '../../engine/protocol.ts';
import { sentenceOf } from '../faults.ts';
import { formatBytes } from '../format.ts';
import { DTYPES, parseModel, type ModelChoice } from './model-choice.ts';

/** The parts that the section works with. */
export interface OtherModelParts {
  /** Draws it anew. */
  changed: () => void;
  /** Puts the cursor into the field. */
  refocus: () => void;
  /** Loads a model. */
  choose: (choice: ModelChoice) => void;
  /** Finds out what a model takes; undefined where only loading it tells. */
  find: () => ((choice: ModelChoice, signal: AbortSignal) => Promise<Availability>) | undefined;
}

/** Opens the browser's dialog of a hidden input beside the button. */
const pick =
  (input: string) =>
  ({ currentTarget }: Event): void => {
    (currentTarget as HTMLElement).parentElement?.querySelector<HTMLInputElement>(input)?.click();
  };

/** The part of the list of models where a person types a name, or picks a folder or a file. */
export class OtherModel {
  readonly #parts: OtherModelParts;
  #typed = '';
  /** Undefined: a package keeps its type, and a checkpoint becomes int8. */
  #dtype: Scheme | undefined;
  /** The mistake in the typed name, as a sentence. */
  #wrong = '';
  /** The model that is looked at, and its download once that is known. */
  #found: { choice: ModelChoice; bytes?: number } | undefined;
  #looking: AbortController | undefined;

  constructor(parts: OtherModelParts) {
    this.#parts = parts;
  }

  /** Forgets what came of the last name; the name itself stays. */
  reset(): void {
    this.#wrong = '';
    this.#leave();
  }

  /** Draws the section. @param unloaded why the typed model could not be loaded; empty where it was not tried. */
  render(unloaded: string): TemplateResult {
    const wrong = this.#wrong || unloaded;
    return html`<section aria-labelledby="other-title">
      <h3 id="other-title">Any other</h3>
      <p class="hint" id="other-hint">
        A repository of the Hugging Face Hub as <code>org/name</code>, or the address of a folder with a model or of a
        GGUF file. With an automatic type a package keeps its own, and all others become int8.
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
          .value=${this.#typed}
          @input=${this.#onInput}
        />
        <select
          aria-label="Type to store it in"
          @change=${(event: Event) => {
            this.#dtype = ((event.target as HTMLSelectElement).value || undefined) as Scheme | undefined;
            this.#leave();
          }}
        >
          <option value="" ?selected=${this.#dtype === undefined}>automatic</option>
          ${DTYPES.map((each) => html`<option value=${each} ?selected=${each === this.#dtype}>${each}</option>`)}
        </select>
        <button class="button quiet">Load</button>
      </form>
      ${wrong ? html`<p class="hint wrong" id="other-wrong" role="alert">${wrong}</p>` : nothing} ${this.#offer()}
      <button class="text-button" type="button" @click=${pick('.folder')}>Choose a folder on this device</button>
      <input
        class="folder"
        type="file"
        webkitdirectory
        hidden
        aria-label="Folder with a model"
        @change=${this.#onFolder}
      />
      <button class="text-button" type="button" @click=${pick('.gguf')}>Choose a GGUF file on this device</button>
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

  /** The size of the download, and the question whether to begin it. */
  #offer(): TemplateResult | typeof nothing {
    if (!this.#found) return nothing;
    const { choice, bytes } = this.#found;
    return html`<div class="offer-line" role="status">
      <span> ${choice.model}: ${bytes === undefined ? 'looking …' : `${formatBytes(bytes)} to download, once.`} </span>
      <span class="model-actions">
        <button class="text-button" type="button" @click=${this.#cancel}>Cancel</button>
        ${
          bytes === undefined
            ? nothing
            : html`<button class="button" type="button" @click=${() => this.#take(choice)}>Download and load</button>`
        }
      </span>
    </div>`;
  }

  readonly #onInput = (event: Event): void => {
    this.#typed = (event.target as HTMLInputElement).value;
    this.#leave();
  };

  readonly #onSubmit = (event: Event): void => {
    event.preventDefault();
    this.reset();
    const parsed = parseModel(this.#typed);
    if (parsed.ok) void this.#look({ ...parsed.choice, ...this.#type });
    else this.#refuse(parsed.sentence);
  };

  readonly #onFolder = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    const name = files[0]?.webkitRelativePath.split('/')[0];
    input.value = '';
    if (name) this.#take({ model: name, files, ...this.#type });
  };

  readonly #onFile = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    const name = files[0]?.name.replace(/\.gguf$/i, '');
    input.value = '';
    if (name) this.#take({ model: name, files, ...this.#type });
  };

  get #type(): Pick<ModelChoice, 'dtype'> {
    return this.#dtype ? { dtype: this.#dtype } : {};
  }

  /** Looks at the model first: nobody downloads a model that cannot run. */
  async #look(choice: ModelChoice): Promise<void> {
    const find = this.#parts.find();
    if (!find) return this.#take(choice);
    const looking = new AbortController();
    this.#looking = looking;
    this.#found = { choice };
    this.#parts.changed();
    try {
      const found = await find(choice, looking.signal);
      if (looking.signal.aborted) return;
      if (found.status === 'available') this.#take(choice);
      else if (found.status === 'unavailable') this.#refuse(found.reason.message);
      else this.#found = { choice, bytes: found.bytes };
    } catch (error) {
      if (!looking.signal.aborted) this.#refuse(sentenceOf(error));
    }
    this.#parts.changed();
  }

  #take(choice: ModelChoice): void {
    this.#leave();
    this.#parts.choose(choice);
  }

  #refuse(sentence: string): void {
    this.#leave();
    this.#wrong = sentence;
    this.#parts.changed();
    this.#parts.refocus();
  }

  readonly #cancel = (): void => {
    this.#leave();
    this.#parts.refocus();
  };

  #leave(): void {
    this.#looking?.abort();
    this.#looking = undefined;
    this.#found = undefined;
    this.#parts.changed();
  }
}
