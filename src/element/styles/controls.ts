// Buttons and the input.

import { css } from 'lit';

/** Styles of what is pressed and typed into. */
export const controlStyles = css`
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 2px;
  }

  .icon {
    display: block;
    flex: none;
    width: 1.25rem;
    height: 1.25rem;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.75;
    stroke-linecap: round;
    stroke-linejoin: round;
  }

  .icon .filled {
    fill: currentColor;
  }

  .icon-button {
    display: grid;
    flex: none;
    place-items: center;
    width: 2.5rem;
    height: 2.5rem;
    padding: 0;
    border: 0;
    border-radius: 0.625rem;
    background: none;
    color: var(--muted);
    cursor: pointer;
  }

  .icon-button.small {
    width: 1.75rem;
    height: 1.75rem;
    border-radius: 0.5rem;
  }

  .icon-button.small .icon {
    width: 1.0625rem;
    height: 1.0625rem;
  }

  .icon-button:hover {
    background: var(--tint);
    color: var(--ink);
  }

  .icon-button:disabled {
    background: none;
    color: var(--muted);
    opacity: 0.45;
    cursor: default;
  }

  .button {
    padding: 0.4375rem 1rem;
    border: 1px solid var(--accent);
    border-radius: 0.625rem;
    background: var(--accent);
    color: var(--on-accent);
    font: 600 0.875rem/1.5 var(--sans);
    cursor: pointer;
  }

  .button:hover {
    filter: brightness(1.08);
  }

  .text-button {
    padding: 0.25rem 0.5rem;
    border: 0;
    border-radius: 0.375rem;
    background: none;
    color: var(--accent);
    font: 500 0.8125rem/1.4 var(--sans);
    cursor: pointer;
  }

  .text-button:hover {
    text-decoration: underline;
  }

  .text-button:disabled {
    color: var(--muted);
    opacity: 0.6;
    text-decoration: none;
    cursor: default;
  }

  .composer {
    display: flex;
    align-items: flex-end;
    gap: 0.5rem;
    padding: 0.375rem 0.375rem 0.375rem 1.125rem;
    border: 1px solid var(--edge);
    border-radius: 1.5rem;
    background: var(--surface);
    box-shadow: var(--shadow);
    cursor: text;
  }

  .composer:focus-within {
    border-color: var(--accent);
    box-shadow:
      0 0 0 1px var(--accent),
      var(--shadow);
  }

  textarea {
    flex: 1;
    min-width: 0;
    max-height: min(12rem, 40vh);
    margin: 0;
    padding: 0.375rem 0;
    border: 0;
    background: none;
    color: var(--ink);
    font: inherit;
    font-size: 1rem;
    line-height: 1.5;
    overflow-y: auto;
    resize: none;
  }

  /* The box around it shows the focus. */
  textarea:focus-visible {
    outline: 0;
  }

  textarea::placeholder {
    color: var(--muted);
    opacity: 1;
  }

  textarea.system {
    width: 100%;
    max-height: 16rem;
    margin-top: 0.5rem;
    padding: 0.5rem 0.75rem;
    border: 1px solid var(--edge);
    border-radius: 0.625rem;
    background: var(--ground);
    font-size: 0.9375rem;
    resize: vertical;
  }

  textarea.system:focus-visible {
    outline: 2px solid var(--accent);
  }

  .round-button {
    display: grid;
    flex: none;
    place-items: center;
    width: 2.25rem;
    height: 2.25rem;
    padding: 0;
    border: 0;
    border-radius: 50%;
    background: var(--accent);
    color: var(--on-accent);
    cursor: pointer;
  }

  .round-button:hover {
    filter: brightness(1.08);
  }

  .round-button:disabled {
    background: var(--sunken);
    color: var(--muted);
    filter: none;
    cursor: default;
  }

  @media (pointer: coarse) {
    .icon-button.small {
      width: 2.25rem;
      height: 2.25rem;
    }

    .text-button {
      padding: 0.5rem;
    }
  }

  @media (forced-colors: active) {
    .icon-button,
    .round-button,
    .choices span {
      border: 1px solid;
    }

    .choices input:checked + span {
      background: Highlight;
      color: HighlightText;
      forced-color-adjust: none;
    }

    progress {
      border: 1px solid;
    }

    progress::-webkit-progress-value {
      background: Highlight;
      forced-color-adjust: none;
    }
  }

  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation: none !important;
      transition: none !important;
    }
  }
`;
