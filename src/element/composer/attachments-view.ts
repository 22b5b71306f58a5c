// The files that went with a question: their names, and what they contain for whoever opens them.

import { html, LitElement, type TemplateResult } from 'lit';
import { sizeOf, type Attachment } from './attachments.ts';
import { formatBytes } from '../format.ts';
import { choiceIcon, fileIcon } from '../icons.ts';
import { LongText } from '../markdown/long-text.ts';

/**
 * Files of a question, each folded.
 *
 * @internal
 */
export class BambaAttachments extends LitElement {
  static override properties = { files: { attribute: false } };

  declare files: readonly Attachment[];

  constructor() {
    super();
    this.files = [];
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult[] {
    return this.files.map(
      (file) =>
        html`<details class="attachment" @toggle=${(event: Event) => this.#onToggle(event, file)}>
          <summary>
            ${fileIcon}<span class="file-name" dir="auto">${file.name}</span>
            <span class="file-size">${formatBytes(sizeOf(file))}</span>${choiceIcon}
          </summary>
          <div class="attachment-text" tabindex="0" role="group" aria-label=${`Contents of ${file.name}`}></div>
        </details>`,
    );
  }

  /** Only what is opened is laid out. */
  #onToggle(event: Event, file: Attachment): void {
    const details = event.currentTarget as HTMLDetailsElement;
    const box = details.querySelector<HTMLElement>('.attachment-text');
    if (!box) return;
    box.textContent = '';
    if (details.open) new LongText(box).update(file.text);
  }
}
