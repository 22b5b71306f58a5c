// Icons, drawn for this page on a grid of 24 with strokes of 1.75. They are decoration: the button around each has
// its name in words.

import { html, svg, type SVGTemplateResult, type TemplateResult } from 'lit';

function icon(paths: SVGTemplateResult): TemplateResult {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${paths}</svg>`;
}

/** The mark: a small b whose bowl is a snake, its head at the end of the stroke. */
export const logoIcon = html`<svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
  <path d="M9.5 4.5v16a6.75 6.75 0 1 0 6.75-6.75c-1.6 0-2.7.5-3.6 1.3" />
  <circle cx="12.4" cy="15.3" r="1.9" />
</svg>`;

/** Arrow up: send. */
export const sendIcon = icon(svg`<path d="M12 19V5.5M6 11l6-6 6 6" />`);
/** Square: stop. */
export const stopIcon = icon(svg`<rect class="filled" x="7" y="7" width="10" height="10" rx="2" />`);
/** Sheet with a plus: new chat. */
export const newChatIcon = icon(svg`<path d="M20 11.5V18a2.5 2.5 0 0 1-2.5 2.5h-11A2.5 2.5 0 0 1 4 18V7a2.5 2.5 0 0 1
  2.5-2.5H13M19 3v6M16 6h6" />`);
/** Three sliders: settings. */
export const settingsIcon = icon(svg`<path d="M4 7h9M17 7h3M4 17h3M11 17h9" /><circle cx="15" cy="7" r="2" />
  <circle cx="9" cy="17" r="2" />`);
/** Sun: switch to light. */
export const sunIcon = icon(svg`<circle cx="12" cy="12" r="3.75" /><path d="M12 3v1.75M12 19.25V21M3 12h1.75M19.25
  12H21M5.64 5.64l1.23 1.23M17.13 17.13l1.23 1.23M18.36 5.64l-1.23 1.23M6.87 17.13l-1.23 1.23" />`);
/** Moon: switch to dark. */
export const moonIcon = icon(svg`<path d="M19.5 14.2A7.9 7.9 0 0 1 9.8 4.5a7.9 7.9 0 1 0 9.7 9.7Z" />`);
/** Two sheets: copy. */
export const copyIcon = icon(svg`<rect x="9" y="9" width="11" height="11" rx="2.25" /><path d="M5.5 15A1.5 1.5 0 0 1 4
  13.5v-8A1.5 1.5 0 0 1 5.5 4h8A1.5 1.5 0 0 1 15 5.5" />`);
/** Tick: copied. */
export const tickIcon = icon(svg`<path d="m5 12.5 4.5 4.5L19 7.5" />`);
/** Round arrow: answer again. */
export const againIcon = icon(svg`<path d="M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9M19.5 4v5h-5" />`);
/** Arrow down: to the latest. */
export const downIcon = icon(svg`<path d="M12 5v13.5M6 13l6 6 6-6" />`);
/** Cross: close. */
export const closeIcon = icon(svg`<path d="m6 6 12 12M18 6 6 18" />`);
/** Pencil: change a question. */
export const editIcon =
  icon(svg`<path d="M4.5 19.5 5.6 15 15.7 4.9a1.9 1.9 0 0 1 2.7 0l.7.7a1.9 1.9 0 0 1 0 2.7L9 18.4Z" />
  <path d="m14 6.6 3.4 3.4" />`);
/** Panel with a side: the list of chats. */
export const sideIcon = icon(svg`<rect x="3.5" y="5" width="17" height="14" rx="2.5" /><path d="M9.5 5v14" />`);
/** Three dots: more. */
export const moreIcon =
  icon(svg`<circle class="filled" cx="6" cy="12" r="1" /><circle class="filled" cx="12" cy="12" r="1" />
  <circle class="filled" cx="18" cy="12" r="1" />`);
/** Drawing pin: pinned. */
export const pinIcon = icon(svg`<path d="M9 4h6l-1 6 3 3v2H7v-2l3-3ZM12 15v5" />`);
/** Magnifying glass: search. */
export const searchIcon = icon(svg`<circle cx="11" cy="11" r="6" /><path d="m15.5 15.5 4 4" />`);
/** Arrow into a tray: import. */
export const importIcon =
  icon(svg`<path d="M12 4v10.5M7.5 10.5 12 15l4.5-4.5M4.5 16v2.5A1.5 1.5 0 0 0 6 20h12a1.5 1.5 0 0 0
  1.5-1.5V16" />`);
/** Arrow out of a tray: export. */
export const exportIcon =
  icon(svg`<path d="M12 15V4.5M7.5 9 12 4.5 16.5 9M4.5 16v2.5A1.5 1.5 0 0 0 6 20h12a1.5 1.5 0 0 0
  1.5-1.5V16" />`);
/** Angle left: an earlier version. */
export const earlierIcon = icon(svg`<path d="m14 7-5 5 5 5" />`);
/** Angle right: a later version. */
export const laterIcon = icon(svg`<path d="m10 7 5 5-5 5" />`);
/** Angle down: there is a choice. */
export const choiceIcon = icon(svg`<path d="m7.5 10 4.5 4.5 4.5-4.5" />`);
/** Paper clip: attach files. */
export const attachIcon =
  icon(svg`<path d="m19.5 11.5-7.4 7.4a4.6 4.6 0 0 1-6.5-6.5l7.7-7.7a3.1 3.1 0 0 1 4.4 4.4l-7.6 7.6a1.55 1.55 0 0
  1-2.2-2.2l6.8-6.8" />`);
/** Sheet with lines: a file of text. */
export const fileIcon =
  icon(svg`<path d="M13.5 3.5H7A1.5 1.5 0 0 0 5.5 5v14A1.5 1.5 0 0 0 7 20.5h10a1.5 1.5 0 0 0 1.5-1.5V8.5Z" />
  <path d="M13.5 3.5v5h5M9 13h6M9 16.5h4" />`);
