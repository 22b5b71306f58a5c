// The list of chats: open, search, pin, rename, delete, export, import.

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { live } from 'lit/directives/live.js';
import type { BambaError } from '../../errors.ts';
import { chatRow } from './chat-row.ts';
import type { ChatArchive } from '../chats/chat-archive.ts';
import type { ChatFormat } from '../chats/chat-files.ts';
import { groupChats } from '../chats/chat-groups.ts';
import type { ChatSummary } from '../chats/chat-record.ts';
import type { DeletedChat } from '../chats/chat-store.ts';
import { sentenceOf } from '../faults.ts';
import { formatInteger } from '../format.ts';
import { addFiles, saveChats, saveUnreadable } from './history-files.ts';
import { closeIcon, exportIcon, importIcon } from '../icons.ts';

/** After this pause in typing, the chats are searched. */
const SEARCH_AFTER_MS = 120;

/**
 * The chats that this browser keeps.
 *
 * @fires bamba-open - a chat was chosen; `detail` is its id.
 * @fires bamba-leave-search - Escape was pressed in the search.
 * @fires bamba-announce - `detail` is a sentence for screen readers.
 * @internal
 */
export class BambaHistory extends LitElement {
  static override properties = {
    archive: { attribute: false },
    chats: { attribute: false },
    current: { attribute: false },
    deleted: { attribute: false },
    unread: { attribute: false },
    unreadable: { attribute: false },
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
  declare deleted: DeletedChat | undefined;
  /** Why the list is not what is kept. */
  declare unread: BambaError | undefined;
  /** How many records of the list, and of the chat that is open, cannot be read. */
  declare unreadable: number;
  declare private words: string;
  /** Ids of the chats that have the words; undefined while nothing is searched for. */
  declare private found: ReadonlySet<string> | undefined;
  /** Id of the chat whose title is being changed. */
  declare private renaming: string | undefined;
  /** Id of the chat whose actions are shown. */
  declare private menu: string | undefined;
  /** The fault of a file or of a chat, as a sentence. */
  declare private trouble: string;
  #searchTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.chats = [];
    this.words = '';
    this.trouble = '';
    this.unreadable = 0;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#searchTimer);
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  /** A chat that comes, goes or grows while words are searched for may have them now. */
  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('chats') && this.words.trim() !== '') this.#search(this.words, false);
  }

  protected override render(): TemplateResult {
    const groups = groupChats(this.#matching(), new Date());
    return html`
      <div class="history-head">
        <input
          class="search"
          type="search"
          placeholder="Search chats"
          aria-label="Search chats"
          aria-keyshortcuts="Control+K Meta+K"
          title="Search chats (Ctrl+K)"
          .value=${live(this.words)}
          @input=${(event: Event) => this.#search((event.target as HTMLInputElement).value)}
          @keydown=${this.#onSearchKeydown}
        />
      </div>
      ${
        groups.length > 0
          ? html`<div class="chats">
              ${groups.map(
                ({ label, chats }, index) =>
                  html`<p class="chats-label" id=${`chats-label-${index}`}>${label}</p>
                    <ul aria-labelledby=${`chats-label-${index}`}>
                      ${repeat(
                        chats,
                        ({ id }) => id,
                        (chat) =>
                          html`<li class=${chat.id === this.current ? 'open' : ''} data-chat=${chat.id}>
                            ${this.#chat(chat)}
                          </li>`,
                      )}
                    </ul>`,
              )}
            </div>`
          : html`<p class="no-chats">${this.#emptyText()}</p>`
      }
      ${this.#notices()}
      <div class="history-foot">
        <button class="text-button" type="button" @click=${this.#chooseFiles}>${importIcon} Import</button>
        <button
          class="text-button"
          type="button"
          ?disabled=${this.chats.length === 0}
          @click=${() => this.#save(undefined, 'json')}
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

  /** The chats that have the words; all while nothing is searched for. */
  #matching(): readonly ChatSummary[] {
    const { found } = this;
    return found ? this.chats.filter(({ id }) => found.has(id)) : this.chats;
  }

  #emptyText(): string {
    if (this.found) return 'No chat has these words.';
    return this.unread ? '' : 'Your chats will be kept here, in this browser alone.';
  }

  #chat(chat: ChatSummary): TemplateResult {
    const { id } = chat;
    if (id === this.renaming) return this.#titleInput(chat);
    const expanded = this.menu === id;
    return chatRow({
      chat,
      current: id === this.current,
      expanded,
      open: () => this.#emit('bamba-open', id),
      toggle: () => (this.menu = expanded ? undefined : id),
      keydown: (event) => void this.#onRowKeydown(event),
      pin: () => void this.#pin(chat),
      rename: () => void this.#rename(id),
      save: (format) => void this.#save(id, format),
      remove: () => void this.#delete(id),
    });
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
      ${this.unread ? this.#unreadNotice(this.unread) : nothing}
      ${this.unreadable > 0 ? this.#unreadableNotice() : nothing}
      ${
        this.trouble
          ? html`<div class="history-notice wrong" role="alert">
              <span>${this.trouble}</span>
              <button class="icon-button small" type="button" aria-label="Dismiss" @click=${() => (this.trouble = '')}>
                ${closeIcon}
              </button>
            </div>`
          : nothing
      }
    `;
  }

  #unreadNotice(unread: BambaError): TemplateResult {
    return html`<div class="history-notice wrong" role="alert">
      <span>The chats cannot be read now. ${sentenceOf(unread)}</span>
      <button class="text-button" type="button" @click=${() => void this.archive.tryAgain()}>Try again</button>
    </div>`;
  }

  #unreadableNotice(): TemplateResult {
    const one = this.unreadable === 1;
    return html`<div class="history-notice">
      <span>
        ${formatInteger(this.unreadable)} ${one ? 'record' : 'records'} could not be read. ${one ? 'It is' : 'They are'}
        kept as ${one ? 'it is' : 'they are'}.
      </span>
      <button class="text-button" type="button" @click=${this.#exportUnreadable}>Save as a file</button>
    </div>`;
  }

  #search(words: string, announced = true): void {
    this.words = words;
    clearTimeout(this.#searchTimer);
    this.#searchTimer = setTimeout(() => void this.#find(words, announced), SEARCH_AFTER_MS);
  }

  async #find(words: string, announced = true): Promise<void> {
    const found = words.trim() === '' ? undefined : await this.#try(() => this.archive.search(words));
    if (this.words !== words) return;
    this.found = found;
    if (!found || !announced) return;
    this.#emit('bamba-announce', `${countOf(this.#matching().length)} found.`);
  }

  /** Puts the cursor into the search. */
  beginSearch(): void {
    const input = this.querySelector<HTMLInputElement>('.search');
    input?.focus();
    input?.select();
  }

  readonly #onSearchKeydown = async (event: KeyboardEvent): Promise<void> => {
    if (event.isComposing || (event.key !== 'Enter' && event.key !== 'Escape')) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === 'Escape') {
      this.#search('');
      this.found = undefined;
      this.#emit('bamba-leave-search', '');
      return;
    }
    clearTimeout(this.#searchTimer);
    await this.#find(this.words);
    // The first one that is in sight.
    const first = this.words.trim() === '' ? undefined : groupChats(this.#matching(), new Date())[0]?.chats[0];
    if (first) this.#emit('bamba-open', first.id);
  };

  async #pin({ id, pinned }: ChatSummary): Promise<void> {
    this.menu = undefined;
    await this.#try(() => this.archive.pin(id, !pinned));
    await this.updateComplete;
    this.#focusRow(id);
    if (this.trouble === '') this.#emit('bamba-announce', pinned ? 'Not pinned any longer.' : 'Pinned.');
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
    await this.#try(() => this.archive.rename(id, title));
    await this.updateComplete;
    if (refocus) this.#focusRow(id);
  }

  async #delete(id: string): Promise<void> {
    const index = this.#rows().indexOf(id);
    this.menu = undefined;
    await this.#try(() => this.archive.delete(id));
    await this.updateComplete;
    if (this.chats.some((chat) => chat.id === id)) return this.#focusRow(id);
    this.#emit('bamba-announce', 'The chat is deleted.');
    const rows = this.#rows();
    const next = rows[Math.min(index, rows.length - 1)];
    if (next !== undefined) this.#focusRow(next);
    else this.querySelector<HTMLElement>('.history-notice button')?.focus();
  }

  readonly #undo = async (): Promise<void> => {
    const id = this.deleted?.id;
    await this.#try(() => this.archive.undo());
    await this.updateComplete;
    if (this.deleted) return;
    if (id !== undefined) this.#focusRow(id);
    this.#emit('bamba-announce', 'The chat is back.');
  };

  /** Ids of the chats that are in sight, in their order. */
  #rows(): string[] {
    return [...this.querySelectorAll<HTMLElement>('[data-chat]')].map(({ dataset }) => dataset['chat'] ?? '');
  }

  #focusRow(id: string): void {
    this.querySelector<HTMLElement>(`[data-chat="${id}"] .chat-title`)?.focus();
  }

  async #save(id: string | undefined, format: ChatFormat): Promise<void> {
    this.menu = undefined;
    await this.#try(() => saveChats(this.archive, id, format));
  }

  readonly #exportUnreadable = (): void => void this.#try(() => saveUnreadable(this.archive));

  /** Does something with the chats; where that fails, says why. */
  async #try<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await act();
      this.trouble = '';
      return result;
    } catch (error) {
      this.trouble = sentenceOf(error);
      return undefined;
    }
  }

  readonly #chooseFiles = (): void => this.querySelector<HTMLInputElement>('.files')?.click();

  readonly #import = async (event: Event): Promise<void> => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    input.value = '';
    const added = await this.#try(() => addFiles(this.archive, files));
    if (added === undefined) return;
    const sentence = added === 0 ? 'All of these chats are here already.' : `${countOf(added)} imported.`;
    this.#emit('bamba-announce', sentence);
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

function countOf(chats: number): string {
  return `${formatInteger(chats)} ${chats === 1 ? 'chat' : 'chats'}`;
}
