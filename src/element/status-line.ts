// The line under the input: that a model can be wrong, and the one switch of the statistics.

import { html, nothing, type TemplateResult } from 'lit';
import type { EngineStatus } from '../engine/protocol.ts';
import type { StatisticsSwitch } from './turns/statistics.ts';

/** Options of the line. */
export interface StatusLineOptions {
  /** Of the model that answers; empty while there is none. */
  name: string;
  /** An engine that lost its GPU or its worker is being made again. */
  recovery?: EngineStatus | undefined;
  /** Some answer of this chat has statistics. */
  measured: boolean;
  statistics: StatisticsSwitch;
}

/** Draws the line. */
export function statusLine({ name, recovery, measured, statistics }: StatusLineOptions): TemplateResult {
  return html`<div class="status-line">
    ${recovery ? recoveryNotice(recovery) : name === '' ? nothing : html`<span>${name} can be wrong: check what matters.</span>`}
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

/** Screen readers hear the sentence from elsewhere, once. */
function recoveryNotice({ message, progress }: EngineStatus): TemplateResult {
  const share = progress === undefined ? nothing : html` <span class="number">${Math.floor(progress * 100)} %</span>`;
  return html`<span class="recovery">${message}${share}</span>`;
}
