// The sheet with the models.

import { css } from 'lit';

/** Styles of the models. */
export const modelStyles = css`
  .models {
    width: min(34rem, 100vw);
  }

  .model-list {
    display: flex;
    flex-direction: column;
    gap: 0.625rem;
    margin: 0.75rem 0 0;
    padding: 0;
    list-style: none;
  }

  .model {
    display: grid;
    grid-template-columns: 1fr auto;
    align-items: center;
    gap: 0.25rem 1rem;
    padding: 0.75rem 0.75rem 0.75rem 1rem;
    border: 1px solid var(--line);
    border-radius: 0.875rem;
  }

  .model-name {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    gap: 0.125rem 0.625rem;
    min-width: 0;
    overflow-wrap: anywhere;
  }

  .model-name .name {
    font: 600 1.0625rem/1.4 var(--serif);
  }

  .model p {
    grid-column: 1 / -1;
    margin: 0;
    font-size: 0.875rem;
    line-height: 1.45;
  }

  .model.preset > .model-actions {
    grid-column: 2;
    grid-row: 1;
  }

  .model-actions {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: flex-end;
    gap: 0.375rem;
  }

  .model .muted {
    font-size: 0.8125rem;
    font-variant-numeric: tabular-nums;
  }

  .model .marks {
    display: flex;
    flex-wrap: wrap;
    gap: 0.375rem;
  }

  .model .marks:not(:has(.badge)) {
    display: none;
  }

  .fact {
    display: inline-block;
  }

  .badge {
    padding: 0.125rem 0.625rem;
    border-radius: 1rem;
    background: var(--tint);
    color: var(--ink);
    font-size: 0.75rem;
    font-weight: 600;
    line-height: 1.6;
    white-space: nowrap;
  }

  .badge.plain {
    background: none;
    box-shadow: inset 0 0 0 1px var(--line);
    color: var(--muted);
    font-weight: 500;
  }

  .button.quiet {
    background: none;
    color: var(--accent);
  }

  .button.quiet:hover {
    background: var(--tint);
    filter: none;
  }

  .button.danger {
    border-color: var(--danger);
    background: var(--danger);
    color: var(--ground);
  }

  select,
  input.text {
    min-height: 2.1875rem;
    padding: 0.25rem 0.5rem;
    border: 1px solid var(--edge);
    border-radius: 0.625rem;
    background: var(--surface);
    color: var(--ink);
    font: 0.875rem/1.5 var(--sans);
  }

  input.text {
    flex: 1;
    min-width: 8rem;
    padding-inline: 0.75rem;
  }

  input.text::placeholder {
    color: var(--muted);
    opacity: 1;
  }

  input.text[aria-invalid='true'] {
    border-color: var(--danger);
  }

  .other {
    display: flex;
    flex-wrap: wrap;
    gap: 0.5rem;
    margin: 0.75rem 0 0.375rem;
  }

  .offer-line {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 0.25rem 1rem;
    margin: 0.5rem 0;
    padding: 0.625rem 0.625rem 0.625rem 1rem;
    border-radius: 0.875rem;
    background: var(--sunken);
    font-size: 0.875rem;
    font-variant-numeric: tabular-nums;
    overflow-wrap: anywhere;
  }

  .models section > .text-button {
    margin-inline-start: -0.5rem;
  }

  .models code {
    font: 0.875em/1.4 var(--mono);
  }

  .storage {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    justify-content: space-between;
    gap: 0.125rem 1rem;
    margin-top: 0.75rem;
    color: var(--muted);
    font-size: 0.8125rem;
    font-variant-numeric: tabular-nums;
  }

  .storage .text-button {
    margin-inline: -0.5rem;
  }
`;
