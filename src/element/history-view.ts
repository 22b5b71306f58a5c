// The list of chats: open, search, rename, delete, export, import.

import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { live } from 'lit/directives/live.js';
import { readChats, toJson, toMarkdown, type ChatFormat } from './chats/chat-files.ts';
import type { ChatArchive } from './chats/chat-archive.ts';
import type { ChatRecord, ChatSummary } from './chats/chat-record.ts';
import { download } from './download.ts';
import { asFault } from './faults.ts';
import { closeIcon, exportIcon, importIcon, moreIcon } from './icons.ts';

/** After this pause in typing, the chats are searched. */
const SEARCH_AFTER_MS = 120;

/**
 * The chats that this browser keeps.
 *
 * @fires bamba-open - a chat was chosen; `detail` is its id.
 * @fires bamba-announce - `detail` is a sentence for screen readers.
 * @internal
 */
export class BambaHistory extends LitElement {
  static override properties = {
    archive: { attribute: false },
    chats: { attribute: false },
    current: { attribute: false },
    deleted: { attribute: false },
    words: { state: true },
    found: { state: true },
    renaming: { state: true },
    menu: { state: true },
    trouble: { state: true },
  };

  declare archive: ChatArchive;
  declare chats: readonly ChatSummary[];
  /** Id of the chat that is open. */
  declare current: string | undefined;
  /** A chat that can come back. */
  declare deleted: ChatRecord | undefined;
  declare private words: string;
  /** Ids of the chats that have the words; undefined while nothing is searched for. */
  declare private found: ReadonlySet<string> | undefined;
  /** Id of the chat whose title is being changed. */
  declare private renaming: string | undefined;
  /** Id of the chat whose actions are shown. */
  declare private menu: string | undefined;
  /** What is wrong with a file. */
  declare private trouble: string;
  #searchTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.chats = [];
    this.words = '';
    this.trouble = '';
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#searchTimer);
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult {
    const { found } = this;
    const chats = found ? this.chats.filter(({ id }) => found.has(id)) : this.chats;
    return html`
      <div class="history-head">
        <input
          class="search"
          type="search"
          placeholder="Search chats"
          aria-label="Search chats"
          .value=${live(this.words)}
          ?disabled=${this.chats.length === 0}
          @input=${(event: Event) => this.#search((event.target as HTMLInputElement).value)}
        />
      </div>
      ${
        chats.length > 0
          ? html`<ul class="chats" aria-label="Chats">
              ${repeat(
                chats,
                ({ id }) => id,
                (chat) =>
                  html`<li class=${chat.id === this.current ? 'open' : ''} data-chat=${chat.id}>
                    ${this.#chat(chat)}
                  </li>`,
              )}
            </ul>`
          : html`<p class="no-chats">
              ${found ? 'No chat has these words.' : 'Your chats will be kept here, in this browser alone.'}
            </p>`
      }
      ${this.#notices()}
      <div class="history-foot">
        <button class="text-button" type="button" @click=${this.#chooseFiles}>${importIcon} Import</button>
        <button
          class="text-button"
          type="button"
          ?disabled=${this.chats.length === 0}
          @click=${() => this.#export(undefined, 'json')}
        >
          ${exportIcon} Export all
        </button>
        <input
          class="files"
          type="file"
          accept=".json,.md,application/json,text/markdown"
          multiple
          hidden
          aria-label="Files of chats"
          @change=${this.#import}
        />
      </div>
    `;
  }

  #chat(chat: ChatSummary): TemplateResult {
    if (chat.id === this.renaming) return this.#titleInput(chat);
    const open = this.menu === chat.id;
    return html`<div class="chat-row" @keydown=${this.#onRowKeydown}>
        <button
          class="chat-title"
          type="button"
          dir="auto"
          title=${chat.title}
          aria-current=${chat.id === this.current ? 'true' : nothing}
          @click=${() => this.#emit('bamba-open', chat.id)}
        >
          ${chat.title}
        </button>
        <button
          class="icon-button small more"
          type="button"
          aria-label=${`More for “${chat.title}”`}
          aria-expanded=${open ? 'true' : 'false'}
          @click=${() => (this.menu = open ? undefined : chat.id)}
        >
          ${moreIcon}
        </button>
      </div>
      ${open ? this.#actions(chat) : nothing}`;
  }

  #actions({ id, title }: ChatSummary): TemplateResult {
    return html`<div class="chat-actions" role="group" aria-label=${`“${title}”`} @keydown=${this.#onRowKeydown}>
      <button class="text-button" type="button" @click=${() => this.#rename(id)}>Rename</button>
      <button class="text-button" type="button" @click=${() => this.#export(id, 'markdown')}>Save as Markdown</button>
      <button class="text-button" type="button" @click=${() => this.#export(id, 'json')}>Save as JSON</button>
      <button class="text-button danger" type="button" @click=${() => this.#delete(id)}>Delete</button>
    </div>`;
  }

  #titleInput({ id, title }: ChatSummary): TemplateResult {
    return html`<input
      class="rename"
      dir="auto"
      aria-label="Title of the chat"
      .value=${title}
      @keydown=${(event: KeyboardEvent) => this.#onTitleKeydown(event, id)}
      @blur=${(event: Event) => this.#endRename(id, (event.target as HTMLInputElement).value, false)}
    />`;
  }

  #notices(): TemplateResult {
    return html`
      ${
        this.deleted
          ? html`<div class="history-notice">
              <span>“${this.deleted.title}” is deleted.</span>
              <button class="text-button" type="button" @click=${this.#undo}>Undo</button>
              <button
                class="icon-button small"
                type="button"
                aria-label="Dismiss"
                @click=${() => this.archive.dismissDeleted()}
              >
                ${closeIcon}
              </button>
            </div>`
          : nothing
      }
      ${this.trouble ? html`<p class="history-notice wrong" role="alert">${this.trouble}</p>` : nothing}
    `;
  }

  #search(words: string): void {
    this.words = words;
    clearTimeout(this.#searchTimer);
    this.#searchTimer = setTimeout(() => void this.#find(words), SEARCH_AFTER_MS);
  }

  async #find(words: string): Promise<void> {
    const found = words.trim() === '' ? undefined : await this.archive.search(words);
    if (this.words !== words) return;
    this.found = found;
    if (found) this.#emit('bamba-announce', `${found.size} ${found.size === 1 ? 'chat' : 'chats'} found.`);
  }

  async #rename(id: string): Promise<void> {
    this.menu = undefined;
    this.renaming = id;
    await this.updateComplete;
    const input = this.querySelector<HTMLInputElement>('.rename');
    input?.focus();
    input?.select();
  }

  #onTitleKeydown(event: KeyboardEvent, id: string): void {
    if (event.isComposing || (event.key !== 'Enter' && event.key !== 'Escape')) return;
    event.preventDefault();
    event.stopPropagation();
    const input = event.target as HTMLInputElement;
    void this.#endRename(id, event.key === 'Enter' ? input.value : '', true);
  }

  /** An empty title changes nothing. */
  async #endRename(id: string, title: string, refocus: boolean): Promise<void> {
    if (this.renaming !== id) return;
    this.renaming = undefined;
    await this.archive.rename(id, title);
    await this.updateComplete;
    if (refocus) this.#focusRow(id);
  }

  async #delete(id: string): Promise<void> {
    const index = this.chats.findIndex((chat) => chat.id === id);
    this.menu = undefined;
    await this.archive.delete(id);
    await this.updateComplete;
    this.#emit('bamba-announce', 'The chat is deleted.');
    const next = this.chats[Math.min(index, this.chats.length - 1)];
    if (next) this.#focusRow(next.id);
    else this.querySelector<HTMLElement>('.history-notice button')?.focus();
  }

  readonly #undo = async (): Promise<void> => {
    const id = this.deleted?.id;
    await this.archive.undo();
    await this.updateComplete;
    if (id !== undefined) this.#focusRow(id);
    this.#emit('bamba-announce', 'The chat is back.');
  };

  #focusRow(id: string): void {
    this.querySelector<HTMLElement>(`[data-chat="${id}"] .chat-title`)?.focus();
  }

  async #export(id: string | undefined, format: ChatFormat): Promise<void> {
    this.menu = undefined;
    const records = await this.archive.records(id);
    const [first] = records;
    if (!first) return;
    const name = fileName(id === undefined ? 'chats' : first.title);
    if (format === 'markdown') download(`${name}.md`, 'text/markdown', toMarkdown(first));
    else download(`${name}.json`, 'application/json', toJson(records));
  }

  readonly #chooseFiles = (): void => this.querySelector<HTMLInputElement>('.files')?.click();

  readonly #import = async (event: Event): Promise<void> => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    input.value = '';
    try {
      const now = Date.now();
      const chats = (await Promise.all(files.map((file) => file.text()))).flatMap((text) => readChats(text, now));
      await this.archive.add(chats);
      this.trouble = '';
      this.#emit('bamba-announce', `${chats.length} ${chats.length === 1 ? 'chat' : 'chats'} imported.`);
    } catch (error) {
      this.trouble = asFault(error).sentence;
    }
  };

  readonly #onRowKeydown = async (event: KeyboardEvent): Promise<void> => {
    const id = this.menu;
    if (event.key !== 'Escape' || id === undefined) return;
    event.stopPropagation();
    event.preventDefault();
    this.menu = undefined;
    await this.updateComplete;
    this.querySelector<HTMLElement>(`[data-chat="${id}"] .more`)?.focus();
  };

  #emit(type: string, detail: string): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }
}

/** A title as every system takes it for a file. */
function fileName(title: string): string {
  const plain = title.replaceAll(/[^\p{L}\p{N}._ -]+/gu, '').trim();
  return plain.replace(/^\.+/, '').slice(0, 80) || 'chat';
}
