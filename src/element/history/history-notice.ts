// Notices about a chat: it is not saved, with the reason; another tab deleted it; it is not there at all.

import { html, nothing, type TemplateResult } from 'lit';
import type { ChatArchive } from '../chats/chat-archive.ts';
import { sentenceOf } from '../faults.ts';

/** Draws the notices, above the input. */
export function keepingNotice(archive: ChatArchive): TemplateResult {
  const { gone, missing, unsaved } = archive;
  return html`
    ${
      missing
        ? html`<div class="trouble keeping" role="alert">
            <p>There is no chat at this address. It was deleted, or is kept in another browser.</p>
            <div class="trouble-actions">
              <button class="text-button" type="button" @click=${() => archive.reportMissing(false)}>Dismiss</button>
            </div>
          </div>`
        : nothing
    }
    ${
      gone
        ? html`<div class="trouble keeping" role="alert">
            <p>“${gone.title}” was deleted in another tab. What you had open here is not kept any longer.</p>
            <div class="trouble-actions">
              <button class="button" type="button" @click=${() => archive.keepGone()}>Keep it as a new chat</button>
              <button class="text-button" type="button" @click=${() => archive.dismissGone()}>Let it go</button>
            </div>
          </div>`
        : nothing
    }
    ${
      unsaved
        ? html`<div class="trouble keeping" role="alert">
            <p><strong>Not saved.</strong> ${sentenceOf(unsaved)} It is tried again by itself.</p>
            <div class="trouble-actions">
              <button class="button" type="button" @click=${() => void archive.tryAgain()}>Try again</button>
            </div>
          </div>`
        : nothing
    }
  `;
}
