// The frame: header, the scrolling column, the dock with the input.

import { css } from 'lit';

/** Layout of the element. */
export const frameStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    position: relative;
    box-sizing: border-box;
    container-type: inline-size;
    min-width: 0;
    min-height: 16rem;
    height: 100%;
    overflow: hidden;
    background: var(--ground);
    color: var(--ink);
    font: 1rem/1.6 var(--sans);
    -webkit-text-size-adjust: 100%;
    text-size-adjust: 100%;
    /* What a finger has touched, in our colour instead of the system's blue. */
    -webkit-tap-highlight-color: color-mix(in srgb, var(--accent) 20%, transparent);
  }

  /* A page's own rules reach the host, and what they say would be inherited from there. */
  .header,
  .body,
  bamba-models,
  bamba-settings {
    color: var(--ink);
    font: 1rem/1.6 var(--sans);
    letter-spacing: normal;
    text-align: start;
    text-indent: 0;
    text-transform: none;
    white-space: normal;
    word-spacing: normal;
  }

  :host([hidden]) {
    display: none;
  }

  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }

  [hidden] {
    display: none !important;
  }

  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    padding: 0;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
    border: 0;
  }

  .header {
    display: flex;
    align-items: center;
    gap: 0.25rem;
    min-height: 3.8125rem;
    padding: max(0.5rem, env(safe-area-inset-top)) var(--gutter) 0.5rem;
    border-bottom: 1px solid var(--line);
  }

  .title {
    flex: 1;
    min-width: 0;
    margin-inline-start: 0.5rem;
  }

  .model-button {
    display: block;
    max-width: 100%;
    margin: 0 0 0 -0.5rem;
    padding: 0.25rem 0.5rem;
    border: 0;
    border-radius: 0.625rem;
    background: none;
    color: inherit;
    font: inherit;
    text-align: start;
    cursor: pointer;
  }

  .model-button:hover {
    background: var(--tint);
  }

  .model-title {
    display: flex;
    align-items: center;
    gap: 0.125rem;
  }

  .model-title .icon {
    width: 1.0625rem;
    height: 1.0625rem;
    color: var(--muted);
  }

  .body {
    display: flex;
    flex: 1;
    min-height: 0;
  }

  .main {
    display: flex;
    flex: 1;
    flex-direction: column;
    min-width: 0;
  }

  .title h2 {
    margin: 0;
  }

  .title :is(h2:not(:has(button)), .model-running, .facts) {
    display: block;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }

  .title h2 {
    font: 600 1.125rem/1.25 var(--serif);
  }

  .title .facts {
    margin: 0;
    color: var(--muted);
    font: 400 0.75rem/1.35 var(--sans);
  }

  .tools {
    display: flex;
    align-items: center;
    gap: 0.25rem;
  }

  .more {
    position: relative;
  }

  .header .label {
    display: none;
  }

  @container (min-width: 56rem) {
    .header .label {
      display: inline;
    }

    .header .labelled {
      grid-auto-flow: column;
      gap: 0.4375rem;
      width: auto;
      padding-inline: 0.625rem;
      font: 500 0.8125rem/1.5 var(--sans);
    }
  }

  @container (min-width: 30.01rem) {
    .header .more-button {
      display: none;
    }
  }

  @container (max-width: 30rem) {
    .tools {
      position: absolute;
      z-index: 3;
      inset-block-start: calc(100% + 0.25rem);
      inset-inline-end: 0;
      flex-direction: column;
      align-items: stretch;
      min-width: 12rem;
      padding: 0.375rem;
      border: 1px solid var(--line);
      border-radius: 0.875rem;
      background: var(--surface);
      box-shadow: var(--shadow);
    }

    .more:not(.open) .tools {
      display: none;
    }

    .tools .label {
      display: inline;
    }

    .tools .labelled {
      grid-auto-flow: column;
      justify-content: start;
      gap: 0.75rem;
      width: auto;
      padding-inline: 0.75rem;
      color: var(--ink);
      font: 0.9375rem/1.5 var(--sans);
    }

    .title .extra {
      display: none;
    }

    /* A long name takes a second line rather than losing its end. */
    .title :is(h2:not(:has(button)), .model-running) {
      overflow-wrap: anywhere;
      white-space: normal;
    }
  }

  .logo {
    flex: none;
    width: 1.75rem;
    height: 1.75rem;
    fill: none;
    stroke: var(--accent);
    stroke-width: 3;
    stroke-linecap: round;
    stroke-linejoin: round;
  }

  .logo circle {
    fill: var(--accent);
    stroke: none;
  }

  .scroller {
    flex: 1;
    min-height: 0;
    overflow: hidden auto;
    overscroll-behavior: contain;
    scrollbar-gutter: stable both-edges;
  }

  .scroller:focus-visible {
    outline-offset: -3px;
  }

  .column {
    display: flex;
    flex-direction: column;
    gap: 1.5rem;
    min-height: 100%;
    max-width: calc(var(--measure) + 2 * var(--gutter));
    margin: 0 auto;
    padding: 1.5rem var(--gutter) 1rem;
  }

  .turns {
    display: flex;
    flex-direction: column;
    gap: 1.75rem;
    margin: 0;
    padding: 0;
    list-style: none;
  }

  /* What is out of sight is neither laid out nor painted. The room at the sides is for outlines, which would be cut. */
  .turns > li:not(:last-child) {
    margin-inline: -0.5rem;
    padding-inline: 0.5rem;
    content-visibility: auto;
    contain-intrinsic-size: auto 9rem;
  }

  .earlier {
    display: block;
    margin: 0 auto 1.25rem;
  }

  .explanation {
    max-width: 32rem;
    margin: 0;
    color: var(--muted);
  }

  ::slotted([slot='notice']) {
    margin-bottom: 0.75rem;
  }

  .dock {
    position: relative;
    padding: 0 var(--gutter) max(0.5rem, env(safe-area-inset-bottom));
  }

  /* Text fades out under the input instead of being cut. */
  .dock::before {
    content: '';
    position: absolute;
    inset: -1.25rem 1rem 100%;
    background: linear-gradient(to top, var(--ground), transparent);
    pointer-events: none;
  }

  .dock-column > .card {
    margin-bottom: 0.75rem;
  }

  .dock-column {
    position: relative;
    max-width: var(--measure);
    margin: 0 auto;
  }

  .status-line {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: center;
    gap: 0 0.25rem;
    min-height: 1.5rem;
    margin: 0.25rem 0 0;
    color: var(--muted);
    font-size: 0.75rem;
    line-height: 1.5rem;
    text-align: center;
  }

  .status-line .text-button {
    padding-block: 0;
    font-size: inherit;
    line-height: inherit;
  }

  .status-line [aria-pressed='true'] {
    background: var(--tint);
  }

  .jump {
    position: absolute;
    bottom: calc(100% + 0.75rem);
    left: 50%;
    display: inline-flex;
    align-items: center;
    gap: 0.375rem;
    padding: 0.375rem 0.875rem 0.375rem 0.625rem;
    transform: translateX(-50%);
    border: 1px solid var(--line);
    border-radius: 2rem;
    background: var(--surface);
    box-shadow: var(--shadow);
    color: var(--ink);
    font: 500 0.8125rem/1.5 var(--sans);
    white-space: nowrap;
    cursor: pointer;
  }

  .welcome {
    display: flex;
    flex: 1;
    flex-direction: column;
    justify-content: center;
    gap: 2rem;
    padding: 1rem 0 2rem;
  }

  .greeting {
    margin: 0;
    font: 500 2.25rem/1.2 var(--serif);
  }

  .greeting + .explanation {
    margin-top: 0.5rem;
  }

  .kind {
    margin: 0.75rem 0 0;
    color: var(--muted);
    font-size: 0.875rem;
  }

  .suggestions {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr));
    gap: 0.625rem;
    margin: 0;
    padding: 0;
    list-style: none;
  }

  .suggestions.following {
    display: flex;
    flex-wrap: wrap;
    margin-top: -0.5rem;
  }

  .suggestion {
    display: flex;
    flex-direction: column;
    width: 100%;
    height: 100%;
    padding: 0.5625rem 1rem;
    border: 1px solid var(--line);
    border-radius: 1.125rem;
    background: var(--surface);
    color: var(--ink);
    font: italic 1.0625rem/1.4 var(--serif);
    text-align: start;
    cursor: pointer;
    transition:
      border-color 120ms,
      background 120ms;
  }

  .suggestion .then {
    color: var(--muted);
    font: 400 0.8125rem/1.5 var(--sans);
  }

  .suggestion:hover {
    border-color: var(--accent);
    background: var(--tint);
  }

  @container (max-width: 30rem) {
    .header {
      padding-inline: 0.5rem;
    }

    .scroller {
      scrollbar-gutter: auto;
    }

    .column {
      padding-top: 1rem;
    }

    .welcome {
      gap: 1.5rem;
      justify-content: flex-start;
    }

    .suggestions {
      gap: 0.5rem;
    }

    .suggestion {
      padding-block: 0.375rem;
    }
  }
`;
