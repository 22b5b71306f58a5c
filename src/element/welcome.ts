// An empty chat: a greeting, and questions to begin with.

import { html, nothing, type TemplateResult } from 'lit';
import type { EngineInfo } from '../engine/protocol.ts';

/** What an empty chat shows and does. */
export interface WelcomeOptions {
  info: EngineInfo | undefined;
  /** Whether the model is the page's own: its greeting and its questions are for that one. */
  own: boolean;
  suggestions: readonly string[];
  ask: (question: string) => void;
}

/** Draws the greeting; the page may put its own into the slot `welcome`. */
export function welcome({ info, own, suggestions, ask }: WelcomeOptions): TemplateResult {
  if (info?.model.hasChatTemplate === false) {
    return html`<div class="welcome">
      <p class="greeting">Plain completion</p>
      <p class="explanation">
        ${info.model.name} has not learned to chat: it goes on with a text. Write its beginning, and the model writes
        on.
      </p>
    </div>`;
  }
  const greeting = html`<p class="greeting">${info ? `Ask ${info.model.name}` : 'Ask a question'}</p>`;
  if (!own) return html`<div class="welcome">${greeting}</div>`;
  return html`<div class="welcome">
    <slot name="welcome">${greeting}</slot>
    ${
      suggestions.length === 0
        ? nothing
        : html`<ul class="suggestions" aria-label="Questions to begin with">
            ${suggestions.map(
              (question) =>
                html`<li>
                  <button class="suggestion" type="button" @click=${() => ask(question)}>${question}</button>
                </li>`,
            )}
          </ul>`
    }
  </div>`;
}
