// Where questions are typed: grows with its text, sends with Enter, and never sends a word that an input method is
// still composing. Files of text can be attached.

import { html, LitElement, type TemplateResult } from 'lit';
import { joinAttachments, splitAttachments } from './attachments.ts';
import { ComposerFiles } from './composer-files.ts';
import { sendIcon, stopIcon } from '../icons.ts';
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
  };

  declare placeholder: string;
  /** Name of the input. */
  declare label: string;
  /** An answer is on its way: the button stops it. */
  declare busy: boolean;
  /** There is nothing to send to. Typing still works. */
  declare disabled: boolean;
  declare private hasText: boolean;
  readonly #files = new ComposerFiles(this, () => this.#tellText());
  #hadFocus = false;

  constructor() {
    super();
    this.placeholder = '';
    this.label = 'Your question';
    this.busy = false;
    this.disabled = false;
    this.hasText = false;
  }

  /** The typed text, and after it the attached files. */
  get text(): string {
    const typed = this.#area?.value ?? '';
    return this.#files.list.length === 0 ? typed : joinAttachments(typed, this.#files.list);
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
      class=${this.#files.dropping ? 'composer-box dropping' : 'composer-box'}
      @paste=${this.#files.paste}
    >
      ${this.#files.render()}
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
        ${this.#files.button()} ${this.busy ? this.#stopButton() : this.#sendButton()}
        <span id="question-keys" class="visually-hidden">
          Enter sends, Shift and Enter begin a new line, Escape stops an answer.
        </span>
      </div>
    </div>`;
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
      ?disabled=${this.disabled || (!this.hasText && this.#files.list.length === 0)}
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
    if (!area || this.text === whole) return;
    const { text, files } = splitAttachments(whole);
    this.#files.list = files;
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
