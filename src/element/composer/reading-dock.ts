// The bar below a chat that can only be read, because this browser has no WebGPU.

import { html, nothing, type TemplateResult } from 'lit';
import type { ChatArchive } from '../chats/chat-archive.ts';
import { keepingNotice } from '../history/history-notice.ts';
import { downIcon } from '../icons.ts';

/** Options of the bar. */
export interface ReadingDockOptions {
  archive: ChatArchive;
  /** The end of the conversation is in sight. */
  atEnd: boolean;
  jump: () => void;
  /** Says how to get WebGPU. */
  explain: () => void;
}

/** Draws it in the place of the input. */
export function readingDock({ archive, atEnd, jump, explain }: ReadingDockOptions): TemplateResult {
  return html`<div class="dock" part="dock">
    <div class="dock-column">
      ${atEnd ? nothing : html`<button class="jump" type="button" @click=${jump}>${downIcon} Jump to latest</button>`}
      ${keepingNotice(archive)}
      <div class="card offer reading-only" part="no-webgpu">
        <div>
          <h2 class="card-title">This page needs WebGPU</h2>
          <p>Your chats can be read, searched and saved as files; nothing can be asked.</p>
        </div>
        <button class="button" type="button" @click=${explain}>What to do</button>
      </div>
    </div>
  </div>`;
}
