// One chat of the list: its title, and what can be done with it.

import { html, nothing, type TemplateResult } from 'lit';
import type { ChatFormat } from '../chats/chat-files.ts';
import type { ChatSummary } from '../chats/chat-record.ts';
import { moreIcon, pinIcon } from '../icons.ts';

/** Options of a row. */
export interface ChatRowOptions {
  chat: ChatSummary;
  /** It is the chat that is open. */
  current: boolean;
  /** Its actions are shown. */
  expanded: boolean;
  open: () => void;
  toggle: () => void;
  keydown: (event: KeyboardEvent) => void;
  pin: () => void;
  rename: () => void;
  save: (format: ChatFormat) => void;
  remove: () => void;
}

/** Draws a row. */
export function chatRow(options: ChatRowOptions): TemplateResult {
  const { chat, current, expanded, open, toggle, keydown } = options;
  return html`<div class="chat-row" @keydown=${keydown}>
      <button
        class="chat-title"
        type="button"
        dir="auto"
        title=${chat.title}
        aria-current=${current ? 'true' : nothing}
        @click=${open}
      >
        ${chat.title}
      </button>
      ${chat.pinned ? html`<span class="pinned" title="Pinned">${pinIcon}</span>` : nothing}
      <button
        class="icon-button small more"
        type="button"
        aria-label=${`More for “${chat.title}”`}
        aria-expanded=${expanded ? 'true' : 'false'}
        @click=${toggle}
      >
        ${moreIcon}
      </button>
    </div>
    ${expanded ? actions(options) : nothing}`;
}

function actions({ chat, keydown, pin, rename, save, remove }: ChatRowOptions): TemplateResult {
  return html`<div class="chat-actions" role="group" aria-label=${`“${chat.title}”`} @keydown=${keydown}>
    <button class="text-button" type="button" @click=${pin}>${chat.pinned ? 'Unpin' : 'Pin'}</button>
    <button class="text-button" type="button" @click=${rename}>Rename</button>
    <button class="text-button" type="button" @click=${() => save('markdown')}>Save as Markdown</button>
    <button class="text-button" type="button" @click=${() => save('json')}>Save as JSON</button>
    <button class="text-button danger" type="button" @click=${remove}>Delete</button>
  </div>`;
}
