// The sheet with settings: at the side, at the foot of a phone.

import { css } from 'lit';

/** Styles of the settings. */
export const settingsStyles = css`
  .sheet {
    width: min(25rem, 100vw);
    max-width: none;
    height: 100%;
    max-height: none;
    margin: 0;
    margin-inline-start: auto;
    padding: 0;
    border: 0;
    border-inline-start: 1px solid var(--line);
    background: var(--surface);
    color: var(--ink);
    font: 0.9375rem/1.5 var(--sans);
    overscroll-behavior: contain;
  }

  .sheet::backdrop {
    background: rgb(10 14 12 / 45%);
  }

  .sheet[open] {
    animation: from-side 180ms ease-out;
  }

  .sheet-body {
    display: flex;
    flex-direction: column;
    gap: 1.75rem;
    min-height: 100%;
    padding: max(0.75rem, env(safe-area-inset-top)) max(1.25rem, env(safe-area-inset-right))
      max(1.5rem, env(safe-area-inset-bottom)) 1.25rem;
  }

  .sheet-head,
  .section-head {
    display: flex;
    align-items: center;
    justify-content: space-between;
  }

  .sheet-head {
    position: sticky;
    z-index: 1;
    top: 0;
    margin: -0.75rem -1.25rem -1rem;
    padding: 0.75rem 0.75rem 0.5rem 1.25rem;
    background: var(--surface);
  }

  .sheet h2 {
    margin: 0;
    font: 600 1.375rem/1.3 var(--serif);
  }

  .sheet h3 {
    margin: 0;
    font: 600 1rem/1.5 var(--sans);
  }

  .section-head .text-button {
    margin-inline-end: -0.5rem;
  }

  .hint {
    margin: 0.25rem 0 0;
    color: var(--muted);
    font-size: 0.8125rem;
    line-height: 1.45;
  }

  .range {
    color: var(--ink);
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }

  .hint.wrong {
    color: var(--danger);
    font-weight: 500;
  }

  .field {
    display: grid;
    grid-template-columns: 1fr 5.5rem;
    align-items: center;
    gap: 0.25rem 1rem;
    margin-top: 1.125rem;
  }

  .field.wide {
    grid-template-columns: 1fr 10.5rem;
  }

  .field > label {
    font-weight: 500;
  }

  .field > :is(.hint, [type='range']) {
    grid-column: 1 / -1;
  }

  .field.idle > :is(label, [type='range']) {
    opacity: 0.7;
  }

  input.number {
    width: 100%;
    padding: 0.25rem 0.5rem;
    border: 1px solid var(--edge);
    border-radius: 0.5rem;
    background: var(--ground);
    color: var(--ink);
    font: inherit;
    font-variant-numeric: tabular-nums;
    text-align: end;
  }

  input.number::placeholder {
    color: var(--muted);
    opacity: 1;
  }

  input.number[aria-invalid='true'] {
    border-color: var(--danger);
  }

  [type='range'] {
    width: 100%;
    height: 1.25rem;
    margin: 0;
    accent-color: var(--accent);
  }

  .choices {
    display: grid;
    grid-template-columns: repeat(3, 1fr);
    gap: 0.25rem;
    margin: 0.625rem 0 0;
    padding: 0.25rem;
    border: 0;
    border-radius: 0.75rem;
    background: var(--sunken);
  }

  .choices.two {
    grid-template-columns: repeat(2, 1fr);
  }

  .named {
    display: flex;
    flex-direction: column;
    gap: 0.125rem;
    margin: 0.375rem -0.5rem 0;
    padding: 0;
    list-style: none;
  }

  .named li {
    display: flex;
    align-items: center;
    border-radius: 0.5rem;
  }

  .named li:hover {
    background: var(--tint);
  }

  .named-use {
    display: flex;
    flex: 1;
    align-items: center;
    justify-content: space-between;
    gap: 0.5rem;
    min-width: 0;
    padding: 0.375rem 0.5rem;
    border: 0;
    border-radius: inherit;
    background: none;
    color: var(--ink);
    font: inherit;
    text-align: start;
    cursor: pointer;
  }

  .named-use span {
    min-width: 0;
    overflow-wrap: anywhere;
  }

  .named-use[aria-pressed='true'] {
    font-weight: 600;
  }

  .name-settings {
    display: flex;
    align-items: center;
    gap: 0.5rem;
    margin-top: 0.5rem;
  }

  .name-settings .button:disabled {
    filter: none;
    opacity: 0.5;
    cursor: default;
  }

  .name-settings .rename {
    flex: 1;
    min-width: 0;
  }

  .choices label {
    position: relative;
    cursor: pointer;
  }

  .choices input {
    position: absolute;
    inset: 0;
    margin: 0;
    opacity: 0;
    cursor: pointer;
  }

  .choices span {
    display: block;
    padding: 0.3125rem;
    border-radius: 0.5rem;
    text-align: center;
  }

  .choices input:checked + span {
    background: var(--surface);
    box-shadow: 0 0 0 1px var(--edge);
    font-weight: 600;
  }

  .choices input:focus-visible + span {
    outline: 2px solid var(--accent);
    outline-offset: 1px;
  }

  .sheet dl {
    margin: 0.375rem 0 0;
  }

  .sheet dl > div {
    display: grid;
    grid-template-columns: 6.5rem 1fr;
    gap: 0.75rem;
    padding: 0.375rem 0;
    border-bottom: 1px solid var(--line);
  }

  .sheet dt {
    color: var(--muted);
  }

  .sheet dd {
    min-width: 0;
    margin: 0;
    font-variant-numeric: tabular-nums;
    overflow-wrap: anywhere;
  }

  @keyframes from-side {
    from {
      transform: translateX(1.5rem);
      opacity: 0;
    }
  }

  @keyframes from-foot {
    from {
      transform: translateY(1.5rem);
      opacity: 0;
    }
  }

  @media (max-width: 30rem) {
    .sheet {
      width: 100vw;
      height: auto;
      max-height: 88dvh;
      margin: auto 0 0;
      border: 0;
      border-top: 1px solid var(--line);
      border-radius: 1.125rem 1.125rem 0 0;
    }

    .sheet[open] {
      animation-name: from-foot;
    }
  }
`;
