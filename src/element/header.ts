// The line at the top: what is running, and what can always be done.

import { html, nothing, type TemplateResult } from 'lit';
import type { EngineInfo } from '../engine/protocol.ts';
import { formatParameters } from './format.ts';
import { choiceIcon, logoIcon, moonIcon, moreIcon, newChatIcon, settingsIcon, sideIcon, sunIcon } from './icons.ts';
import type { ToolsMenu } from './tools-menu.ts';

/** Where the model stands, in the header's words. */
export type ModelState = 'idle' | 'loading' | 'ready' | 'failed';

/** Options of the header. A button without a function is left out. */
export interface HeaderOptions {
  info: EngineInfo | undefined;
  /** Of the model, until it says its own. */
  name: string;
  state: ModelState;
  dark: boolean;
  /** There is a chat that a new one would take the place of. */
  canBegin: boolean;
  historyOpen: boolean;
  menu: ToolsMenu;
  toggleHistory: (() => void) | undefined;
  openModels: (() => void) | undefined;
  newChat: () => void;
  toggleColours: () => void;
  openSettings: (() => void) | undefined;
}

/** Draws the header. */
export function header(options: HeaderOptions): TemplateResult {
  const { canBegin, historyOpen, toggleHistory, newChat } = options;
  return html`<div class="header" part="header">
    ${
      toggleHistory
        ? html`<button
            class="icon-button labelled"
            type="button"
            aria-label="Chats"
            title="Chats"
            aria-expanded=${historyOpen ? 'true' : 'false'}
            @click=${toggleHistory}
          >
            ${sideIcon}<span class="label">Chats</span>
          </button>`
        : nothing
    }
    ${logoIcon}
    <div class="title">${title(options)}</div>
    <button
      class="icon-button labelled"
      type="button"
      aria-label="New chat"
      title="New chat"
      ?disabled=${!canBegin}
      @click=${newChat}
    >
      ${newChatIcon}<span class="label">New chat</span>
    </button>
    ${tools(options)}
  </div>`;
}

/** The page's own buttons, the colours, the settings: in the header, or in its menu where it is narrow. */
function tools({ dark, menu, toggleColours, openSettings }: HeaderOptions): TemplateResult {
  const colours = dark ? 'Light colours' : 'Dark colours';
  const name = `Use ${colours.toLowerCase()}`;
  return html`<div class=${menu.open ? 'more open' : 'more'} @keydown=${menu.onKeydown} @focusout=${menu.onFocusOut}>
    <button
      class="icon-button more-button"
      type="button"
      aria-label="More"
      title="More"
      aria-expanded=${menu.open ? 'true' : 'false'}
      aria-controls="tools"
      @click=${menu.toggle}
    >
      ${moreIcon}
    </button>
    <div class="tools" id="tools" @click=${menu.onChoose}>
      <slot name="actions"></slot>
      <button class="icon-button labelled" type="button" aria-label=${name} title=${name} @click=${toggleColours}>
        ${dark ? sunIcon : moonIcon}<span class="label">${colours}</span>
      </button>
      ${
        openSettings
          ? html`<button
              class="icon-button labelled"
              type="button"
              aria-label="Settings"
              title="Settings"
              aria-haspopup="dialog"
              @click=${openSettings}
            >
              ${settingsIcon}<span class="label">Settings</span>
            </button>`
          : nothing
      }
    </div>
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
      ${info.model.scheme}${info.model.hasChatTemplate ? nothing : html`<span class="extra"> · plain completion</span>`}`
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
