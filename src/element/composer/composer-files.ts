// Files of text for a question: chosen, dropped anywhere on the chat, or pasted. A file that cannot be attached is refused
// in place.

import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from 'lit';
import { LIMITS_SENTENCE, readAttachment, sizeOf, type Attachment } from './attachments.ts';
import { sentenceOf } from '../faults.ts';
import { formatBytes } from '../format.ts';
import { attachIcon, closeIcon, fileIcon } from '../icons.ts';

/** The input that the files belong to. */
export type FilesHost = ReactiveControllerHost & HTMLElement;

/** The files that are attached to what is being typed. */
export class ComposerFiles implements ReactiveController {
  readonly #host: FilesHost;
  readonly #changed: () => void;
  #files: readonly Attachment[] = [];
  /** Why files were not attached. */
  #refusals: readonly string[] = [];
  /** Files are held over the chat. */
  #dropping = false;
  /** Files are read one after the other: each counts those before it. */
  #reading: Promise<void> = Promise.resolve();
  /** The tree that the input stands in. */
  #place: Node | undefined;

  /**
   * @param host draws what is attached
   * @param changed is called when files were attached or removed by a person
   */
  constructor(host: FilesHost, changed: () => void) {
    this.#host = host;
    this.#changed = changed;
    host.addController(this);
  }

  get list(): readonly Attachment[] {
    return this.#files;
  }

  /** Shows other files. */
  set list(files: readonly Attachment[]) {
    this.#files = files;
    this.#refusals = [];
    this.#host.requestUpdate();
  }

  /** Files are held over the chat. */
  get dropping(): boolean {
    return this.#dropping;
  }

  hostConnected(): void {
    // The whole chat takes files: one that is let go of beside the input would open in the place of the page.
    this.#place = this.#host.getRootNode();
    for (const [type, listener] of this.#dragging) this.#place.addEventListener(type, listener);
  }

  hostDisconnected(): void {
    for (const [type, listener] of this.#dragging) this.#place?.removeEventListener(type, listener);
  }

  /** The attached files, and the refused ones. */
  render(): unknown[] {
    const refused = this.#refusals.length > 0;
    return [
      refused
        ? html`<div class="refusals" role="alert">${this.#refusals.map((sentence) => html`<p>${sentence}</p>`)}</div>`
        : nothing,
      this.#dropping || refused ? html`<p class="muted limits">${LIMITS_SENTENCE}</p>` : nothing,
      this.#files.length === 0
        ? nothing
        : html`<ul class="chips" aria-label="Attached files">
            ${this.#files.map((file) => this.#chip(file))}
          </ul>`,
    ];
  }

  /** The button that opens the system's choice of files. */
  button(): TemplateResult {
    return html`<button
        class="icon-button attach"
        type="button"
        aria-label="Attach text files"
        title=${`Attach text files. ${LIMITS_SENTENCE}`}
        @click=${this.#choose}
      >
        ${attachIcon}
      </button>
      <input type="file" multiple hidden @change=${this.#onChosen} />`;
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

  #attach(files: readonly File[]): void {
    if (files.length === 0) return;
    this.#reading = this.#reading.then(() => this.#read(files));
    this.#host.focus();
  }

  async #read(files: readonly File[]): Promise<void> {
    const refusals: string[] = [];
    let count = 0;
    for (const file of files) {
      try {
        const attached = await readAttachment(file, this.#files);
        this.#files = [...this.#files, attached];
        count++;
      } catch (error) {
        refusals.push(sentenceOf(error));
      }
    }
    this.#refusals = refusals;
    this.#host.requestUpdate();
    if (count === 0) return;
    this.#changed();
    this.#announce(count === 1 ? 'One file is attached.' : `${count} files are attached.`);
  }

  #remove(file: Attachment): void {
    this.list = this.#files.filter((other) => other !== file);
    this.#changed();
    this.#announce(`${file.name} is removed.`);
    this.#host.focus();
  }

  #announce(sentence: string): void {
    this.#host.dispatchEvent(new CustomEvent('bamba-announce', { detail: sentence, bubbles: true }));
  }

  #drop(dropping: boolean): void {
    if (this.#dropping === dropping) return;
    this.#dropping = dropping;
    this.#host.requestUpdate();
  }

  readonly #choose = (): void => this.#host.querySelector<HTMLInputElement>('input[type=file]')?.click();

  readonly #onChosen = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    // The same file can be chosen again.
    input.value = '';
    this.#attach(files);
  };

  readonly #onDrag = (event: Event): void => {
    const { dataTransfer } = event as DragEvent;
    if (!dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    dataTransfer.dropEffect = 'copy';
    this.#drop(true);
  };

  readonly #onDragLeave = (event: Event): void => {
    // From one part of the chat to another.
    const to = (event as DragEvent).relatedTarget;
    if (!(to instanceof Node) || !this.#place?.contains(to)) this.#drop(false);
  };

  readonly #onDrop = (event: Event): void => {
    this.#drop(false);
    const files = [...((event as DragEvent).dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    this.#attach(files);
  };

  readonly #dragging: readonly (readonly [type: string, listener: (event: Event) => void])[] = [
    ['dragenter', this.#onDrag],
    ['dragover', this.#onDrag],
    ['dragleave', this.#onDragLeave],
    ['drop', this.#onDrop],
  ];

  /** Attaches files that are pasted; text that is pasted is the input's own. */
  readonly paste = (event: ClipboardEvent): void => {
    const { clipboardData: data } = event;
    const files = [...(data?.files ?? [])];
    // Office programs copy text, with a picture of it besides.
    if (files.length === 0 || data?.types.includes('text/plain')) return;
    event.preventDefault();
    this.#attach(files);
  };
}
