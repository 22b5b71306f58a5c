// The line at the top: what is running, and the three things that can always be done.

import { html, nothing, type TemplateResult } from 'lit';
import type { EngineInfo } from '../engine/protocol.ts';
import { formatParameters } from './format.ts';
import { logoIcon, moonIcon, newChatIcon, settingsIcon, sunIcon } from './icons.ts';

/** What the header shows and does. */
export interface HeaderOptions {
  info: EngineInfo | undefined;
  dark: boolean;
  /** There is a chat that a new one would replace. */
  canClear: boolean;
  newChat: () => void;
  toggleColours: () => void;
  openSettings: () => void;
}

/** Draws the header. */
export function header({ info, dark, canClear, newChat, toggleColours, openSettings }: HeaderOptions): TemplateResult {
  return html`<div class="header" part="header">
    ${logoIcon}
    <div class="title">
      <h2>${info?.model.name ?? 'bamba-web'}</h2>
      ${info ? html`<p>${formatParameters(info.model.parameters)} parameters · ${info.model.scheme}</p>` : nothing}
    </div>
    <button
      class="icon-button"
      type="button"
      aria-label="New chat"
      title="New chat"
      ?disabled=${!canClear}
      @click=${newChat}
    >
      ${newChatIcon}
    </button>
    <button
      class="icon-button"
      type="button"
      aria-label=${dark ? 'Use light colours' : 'Use dark colours'}
      title=${dark ? 'Light' : 'Dark'}
      @click=${toggleColours}
    >
      ${dark ? sunIcon : moonIcon}
    </button>
    <button
      class="icon-button"
      type="button"
      aria-label="Settings"
      title="Settings"
      aria-haspopup="dialog"
      @click=${openSettings}
    >
      ${settingsIcon}
    </button>
  </div>`;
}
