// A model that this browser keeps, as the list of models shows it: how large it is, and what can be done with it.

import { html, nothing, type TemplateResult } from 'lit';
import type { StoredModel } from '../../engine/protocol.ts';
import { formatBytes } from '../format.ts';

/** Options of the card. */
export interface KeptCard {
  model: StoredModel;
  status: 'running' | 'loading' | 'none';
  /** Deleting it was asked for, and is not confirmed yet. */
  doomed: boolean;
  /** Why it could not be loaded or deleted just now; empty where nothing failed. */
  failure: string;
  use: () => void;
  askToDelete: () => void;
  keep: () => void;
  delete: () => void;
}

/** Draws the card. */
export function keptCard(card: KeptCard): TemplateResult {
  const { bytes, complete, damaged = false, dtype, name, totalBytes } = card.model;
  const size = complete ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}, goes on`;
  return html`<div class="model">
    <div class="model-name">
      <span class="name">${name}</span>
      <span class="muted">${damaged ? `damaged · ${formatBytes(bytes)}` : `${dtype} · ${size}`}</span>
    </div>
    <div class="model-actions">${card.doomed ? confirmation(card) : actions(card)}</div>
    ${card.failure === '' ? nothing : html`<p class="hint wrong" role="alert">${card.failure}</p>`}
  </div>`;
}

function confirmation({ model, keep, delete: remove }: KeptCard): TemplateResult {
  return html`<button class="text-button" type="button" @click=${keep}>Keep</button>
    <button class="button danger" type="button" @click=${remove}>Delete ${formatBytes(model.bytes)}</button>`;
}

function actions({ model, status, askToDelete, use }: KeptCard): TemplateResult {
  const { damaged = false, dtype, name } = model;
  return html`<button
      class="text-button"
      type="button"
      aria-label=${`Delete ${name}, ${damaged ? 'damaged' : dtype}`}
      @click=${askToDelete}
    >
      Delete
    </button>
    ${
      status !== 'none'
        ? html`<span class="badge">${status === 'running' ? 'Running' : 'Loading …'}</span>`
        : damaged
          ? nothing
          : html`<button class="button quiet" type="button" aria-label=${`Use ${name}, ${dtype}`} @click=${use}>
              Use
            </button>`
    }`;
}
