// The line at the top: what is running, and what can always be done.

import { html, nothing, type TemplateResult } from 'lit';
import type { EngineInfo } from '../engine/protocol.ts';
import { formatParameters } from './format.ts';
import { choiceIcon, logoIcon, moonIcon, newChatIcon, settingsIcon, sideIcon, sunIcon } from './icons.ts';

/** Where the model stands, in the header's words. */
export type ModelState = 'idle' | 'loading' | 'ready' | 'failed';

/** What the header shows and does. What it has no function for is left out. */
export interface HeaderOptions {
  info: EngineInfo | undefined;
  /** Of the model, until it says its own. */
  name: string;
  state: ModelState;
  dark: boolean;
  /** There is a chat that a new one would take the place of. */
  canBegin: boolean;
  historyOpen: boolean;
  toggleHistory: (() => void) | undefined;
  openModels: (() => void) | undefined;
  newChat: () => void;
  toggleColours: () => void;
  openSettings: (() => void) | undefined;
}

/** Draws the header. */
export function header(options: HeaderOptions): TemplateResult {
  const { dark, canBegin, historyOpen, toggleHistory, newChat, toggleColours, openSettings } = options;
  const colours = dark ? 'Use light colours' : 'Use dark colours';
  return html`<div class="header" part="header">
    ${
      toggleHistory
        ? html`<button
            class="icon-button"
            type="button"
            aria-label="Chats"
            title="Chats"
            aria-expanded=${historyOpen ? 'true' : 'false'}
            @click=${toggleHistory}
          >
            ${sideIcon}
          </button>`
        : nothing
    }
    ${logoIcon}
    <div class="title">${title(options)}</div>
    <slot name="actions"></slot>
    <button
      class="icon-button"
      type="button"
      aria-label="New chat"
      title="New chat"
      ?disabled=${!canBegin}
      @click=${newChat}
    >
      ${newChatIcon}
    </button>
    <button class="icon-button colours" type="button" aria-label=${colours} title=${colours} @click=${toggleColours}>
      ${dark ? sunIcon : moonIcon}
    </button>
    ${
      openSettings
        ? html`<button
            class="icon-button"
            type="button"
            aria-label="Settings"
            title="Settings"
            aria-haspopup="dialog"
            @click=${openSettings}
          >
            ${settingsIcon}
          </button>`
        : nothing
    }
  </div>`;
}

const STATES: Readonly<Record<ModelState, string>> = {
  idle: 'not loaded yet',
  loading: 'loading …',
  ready: 'ready',
  failed: 'not loaded',
};

function title({ info, name: expected, state, openModels }: HeaderOptions): TemplateResult {
  const name = info?.model.name ?? expected;
  const facts = info
    ? html`${formatParameters(info.model.parameters)} parameters ·
      ${info.model.scheme}${info.model.hasChatTemplate ? '' : ' · plain completion'}`
    : STATES[state];
  if (!openModels)
    return html`<h2>${name}</h2>
      <p class="facts">${facts}</p>`;
  // Name and facts are one target: whoever wants another model looks at the one that runs.
  return html`<h2>
    <button class="model-button" type="button" title="Models" aria-haspopup="dialog" @click=${openModels}>
      <span class="visually-hidden">Models:</span>
      <span class="model-title"><span class="model-running">${name}</span>${choiceIcon}</span>
      <span class="facts">${facts}</span>
    </button>
  </h2>`;
}
