// The line under the input: that a model can be wrong, and the one switch of the statistics.

import { html, nothing, type TemplateResult } from 'lit';
import type { StatisticsSwitch } from './turns/statistics.ts';

/** What the line shows and does. */
export interface StatusLineOptions {
  /** Of the model that answers; empty while there is none. */
  name: string;
  /** Some answer of this chat has statistics. */
  measured: boolean;
  statistics: StatisticsSwitch;
}

/** Draws the line. */
export function statusLine({ name, measured, statistics }: StatusLineOptions): TemplateResult {
  return html`<div class="status-line">
    ${name === '' ? nothing : html`<span>${name} can be wrong: check what matters.</span>`}
    ${
      measured
        ? html`<button
            class="text-button"
            type="button"
            aria-pressed=${statistics.on ? 'true' : 'false'}
            @click=${statistics.toggle}
          >
            Statistics
          </button>`
        : nothing
    }
  </div>`;
}
