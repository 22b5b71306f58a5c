// An empty chat: a greeting, and questions to begin with.

import { html, nothing, type TemplateResult } from 'lit';

/** Draws the greeting; the page may put its own into the slot `welcome`. */
export function welcome(
  name: string | undefined,
  suggestions: readonly string[],
  ask: (question: string) => void,
): TemplateResult {
  return html`<div class="welcome">
    <slot name="welcome"><p class="greeting">${name ? `Ask ${name}` : 'Ask a question'}</p></slot>
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
