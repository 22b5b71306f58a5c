// Where questions are typed: grows with its text, sends with Enter, and never sends a word that an input method is
// still composing. Files of text can be attached: chosen, dropped or pasted.

import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { joinAttachments, LIMITS_SENTENCE, readAttachment, sizeOf, splitAttachments } from './attachments.ts';
import type { Attachment } from './attachments.ts';
import { asFault } from './faults.ts';
import { formatBytes } from './format.ts';
import { attachIcon, closeIcon, fileIcon, sendIcon, stopIcon } from './icons.ts';
import { endsTyping, fitHeight } from './typing.ts';

/**
 * The input of the chat. Draws into the tree it stands in, so that it shares styles and focus with the chat.
 *
 * @fires bamba-send - Enter or the button; `detail` is the text. The text stays until `clear()` is called.
 * @fires bamba-typing - the text has changed, by typing or otherwise; `detail` is all of it.
 * @fires bamba-stop - the stop button.
 * @fires bamba-announce - `detail` is a sentence for screen readers.
 * @internal
 */
export class BambaComposer extends LitElement {
  static override properties = {
    placeholder: {},
    label: {},
    busy: { type: Boolean },
    disabled: { type: Boolean },
    hasText: { state: true },
    files: { state: true },
    refusals: { state: true },
    dropping: { state: true },
  };

  declare placeholder: string;
  /** Name of the input. */
  declare label: string;
  /** An answer is on its way: the button stops it. */
  declare busy: boolean;
  /** There is nothing to send to. Typing still works. */
  declare disabled: boolean;
  declare private hasText: boolean;
  declare private files: readonly Attachment[];
  /** Why files were not attached. */
  declare private refusals: readonly string[];
  /** Files are held over the input. */
  declare private dropping: boolean;
  #hadFocus = false;
  /** Files are read one after the other: each counts those before it. */
  #reading: Promise<void> = Promise.resolve();

  constructor() {
    super();
    this.placeholder = '';
    this.label = 'Your question';
    this.busy = false;
    this.disabled = false;
    this.hasText = false;
    this.files = [];
    this.refusals = [];
    this.dropping = false;
  }

  /** What is typed so far, and after it the files that are attached. */
  get text(): string {
    const typed = this.#area?.value ?? '';
    return this.files.length === 0 ? typed : joinAttachments(typed, this.files);
  }

  override focus(options?: FocusOptions): void {
    this.#area?.focus(options);
  }

  /** Shows another text. */
  set text(text: string) {
    this.#set(text);
  }

  /** Empties the input. */
  clear(): void {
    this.#set('');
  }

  /** Puts a question back, before anything that has been typed since. */
  restore(text: string): void {
    const typed = this.text.trim();
    this.#set(typed === '' || typed === text.trim() ? text : `${text}\n${typed}`);
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult {
    return html`<div
      class=${this.dropping ? 'composer-box dropping' : 'composer-box'}
      @dragenter=${this.#onDrag}
      @dragover=${this.#onDrag}
      @dragleave=${this.#onDragLeave}
      @drop=${this.#onDrop}
      @paste=${this.#onPaste}
    >
      ${this.#attached()}
      <div class="composer" part="composer" @click=${this.#onBoxClick}>
        <textarea
          id="question"
          rows="1"
          dir="auto"
          autocomplete="off"
          enterkeyhint="send"
          aria-label=${this.label}
          aria-describedby="question-keys"
          placeholder=${this.placeholder}
          @input=${this.#onInput}
          @keydown=${this.#onKeydown}
        ></textarea>
        <button
          class="icon-button attach"
          type="button"
          aria-label="Attach text files"
          title=${`Attach text files. ${LIMITS_SENTENCE}`}
          @click=${this.#chooseFiles}
        >
          ${attachIcon}
        </button>
        <input type="file" multiple hidden @change=${this.#onChosen} />
        ${this.busy ? this.#stopButton() : this.#sendButton()}
        <span id="question-keys" class="visually-hidden">
          Enter sends, Shift and Enter begin a new line, Escape stops an answer.
        </span>
      </div>
    </div>`;
  }

  /** What is attached, and what was not. */
  #attached(): unknown[] {
    return [
      this.refusals.length === 0
        ? nothing
        : html`<div class="refusals" role="alert">${this.refusals.map((sentence) => html`<p>${sentence}</p>`)}</div>`,
      this.files.length === 0
        ? nothing
        : html`<ul class="chips" aria-label="Attached files">
            ${this.files.map((file) => this.#chip(file))}
          </ul>`,
    ];
  }

  #chip(file: Attachment): TemplateResult {
    return html`<li class="chip">
      ${fileIcon}<span class="file-name" dir="auto" title=${file.name}>${file.name}</span>
      <span class="file-size">${formatBytes(sizeOf(file))}</span>
      <button
        class="icon-button small"
        type="button"
        aria-label=${`Remove ${file.name}`}
        title="Remove"
        @click=${() => this.#remove(file)}
      >
        ${closeIcon}
      </button>
    </li>`;
  }

  protected override willUpdate(): void {
    this.#hadFocus = this.querySelector('.composer')?.contains(this.#focused) ?? false;
  }

  protected override updated(): void {
    // A button that was replaced by the other takes its focus with it; a screen keyboard need not open for that.
    const lost = this.#hadFocus && !this.contains(this.#focused);
    if (lost && !matchMedia('(pointer: coarse)').matches) this.focus();
  }

  get #focused(): Element | null {
    return (this.getRootNode() as Document | ShadowRoot).activeElement;
  }

  #stopButton(): TemplateResult {
    return html`<button class="round-button" type="button" aria-label="Stop" title="Stop (Esc)" @click=${this.#onStop}>
      ${stopIcon}
    </button>`;
  }

  #sendButton(): TemplateResult {
    return html`<button
      class="round-button"
      type="button"
      aria-label="Send"
      title="Send (Enter)"
      ?disabled=${this.disabled || (!this.hasText && this.files.length === 0)}
      @click=${this.#send}
    >
      ${sendIcon}
    </button>`;
  }

  get #area(): HTMLTextAreaElement | null {
    return this.querySelector('textarea');
  }

  #set(whole: string): void {
    const area = this.#area;
    this.refusals = [];
    if (!area || this.text === whole) return;
    const { text, files } = splitAttachments(whole);
    this.files = files;
    area.value = text;
    this.#onInput();
  }

  readonly #onInput = (): void => {
    const area = this.#area;
    if (!area) return;
    this.hasText = area.value.trim() !== '';
    fitHeight(area);
    this.#tellText();
  };

  #tellText(): void {
    this.dispatchEvent(new CustomEvent('bamba-typing', { detail: this.text, bubbles: true }));
  }

  /** Attaches files, or says why not. Resolves when all have been read. */
  attach(files: Iterable<File>): Promise<void> {
    this.#reading = this.#reading.then(() => this.#attach([...files]));
    return this.#reading;
  }

  async #attach(files: readonly File[]): Promise<void> {
    const before = this.files.length;
    const refusals: string[] = [];
    for (const file of files) {
      try {
        const attached = await readAttachment(file, this.files);
        this.files = [...this.files, attached];
      } catch (error) {
        refusals.push(asFault(error).sentence);
      }
    }
    this.refusals = refusals;
    const count = this.files.length - before;
    if (count === 0) return;
    this.#tellText();
    this.#announce(count === 1 ? 'One file is attached.' : `${count} files are attached.`);
  }

  #remove(file: Attachment): void {
    this.files = this.files.filter((other) => other !== file);
    this.refusals = [];
    this.#tellText();
    this.#announce(`${file.name} is removed.`);
    this.focus();
  }

  #announce(sentence: string): void {
    this.dispatchEvent(new CustomEvent('bamba-announce', { detail: sentence, bubbles: true }));
  }

  readonly #chooseFiles = (): void => this.querySelector<HTMLInputElement>('input[type=file]')?.click();

  readonly #onChosen = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    void this.attach([...(input.files ?? [])]);
    input.value = '';
    this.focus();
  };

  readonly #onDrag = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    this.dropping = true;
  };

  readonly #onDragLeave = (event: DragEvent): void => {
    // From one part of the input to another.
    const to = event.relatedTarget;
    if (!(to instanceof Node) || !this.contains(to)) this.dropping = false;
  };

  readonly #onDrop = (event: DragEvent): void => {
    this.dropping = false;
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    void this.attach(files);
    this.focus();
  };

  readonly #onPaste = (event: ClipboardEvent): void => {
    const { clipboardData: data } = event;
    const files = [...(data?.files ?? [])];
    // What office programs copy is text first, with a picture of it besides.
    if (files.length === 0 || data?.types.includes('text/plain')) return;
    event.preventDefault();
    void this.attach(files);
  };

  readonly #onKeydown = (event: KeyboardEvent): void => {
    if (!endsTyping(event)) return;
    event.preventDefault();
    this.#send();
  };

  readonly #send = (): void => {
    if (this.busy || this.disabled || this.text.trim() === '') return;
    this.dispatchEvent(new CustomEvent('bamba-send', { detail: this.text.trim(), bubbles: true }));
  };

  readonly #onStop = (): void => {
    this.dispatchEvent(new CustomEvent('bamba-stop', { bubbles: true }));
  };

  readonly #onBoxClick = (event: Event): void => {
    if (!(event.target as Element).closest('button')) this.focus();
  };
}
