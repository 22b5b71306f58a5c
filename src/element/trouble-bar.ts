// A question that failed: the sentence of what is wrong, right above the input that has the question again.

import { html, nothing, type TemplateResult } from 'lit';
import type { BambaError } from '../errors.ts';
import { remedyFor, sentenceOf } from './faults.ts';

/** The actions of the buttons. */
export interface TroubleActions {
  askAgain: () => void;
  reloadAndAsk: () => void;
  openSettings: () => void;
  newChat: () => void;
  dismiss: () => void;
}

/** Draws the bar with the one button that fits the fault. */
export function troubleBar(fault: BambaError, actions: TroubleActions): TemplateResult {
  const remedy = remedyButton(fault, actions);
  return html`<div class="trouble" role="alert">
    <p>${sentenceOf(fault)}</p>
    <div class="trouble-actions">
      ${remedy ? html`<button class="button" type="button" @click=${remedy.run}>${remedy.label}</button>` : nothing}
      <button class="text-button" type="button" @click=${actions.dismiss}>Dismiss</button>
    </div>
  </div>`;
}

/** Draws what the engine says beside an answer. */
export function noticeBar(sentence: string, dismiss: () => void): TemplateResult {
  return html`<div class="trouble keeping" role="alert">
    <p>${sentence}</p>
    <div class="trouble-actions">
      <button class="text-button" type="button" @click=${dismiss}>Dismiss</button>
    </div>
  </div>`;
}

function remedyButton(fault: BambaError, actions: TroubleActions): { label: string; run: () => void } | undefined {
  switch (remedyFor(fault)) {
    case 'ask-again':
      return { label: 'Try again', run: actions.askAgain };
    case 'reload-and-ask':
      return { label: 'Reload the model and try again', run: actions.reloadAndAsk };
    case 'open-settings':
      return { label: 'Open settings', run: actions.openSettings };
    case 'new-chat':
      return { label: 'New chat', run: actions.newChat };
    default:
      return undefined;
  }
}
