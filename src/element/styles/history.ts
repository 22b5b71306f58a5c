// The list of chats, beside the chat or in a drawer.

import { css } from 'lit';

/** Styles of the list of chats. */
export const historyStyles = css`
  .side {
    display: flex;
    flex: none;
    width: 17rem;
    border-inline-end: 1px solid var(--line);
    background: var(--sunken);
  }

  bamba-history {
    display: flex;
    flex: 1;
    flex-direction: column;
    min-width: 0;
    min-height: 0;
  }

  .drawer {
    width: min(20rem, 88vw);
    max-width: none;
    height: 100%;
    max-height: none;
    margin: 0;
    margin-inline-end: auto;
    padding: 0;
    border: 0;
    border-inline-end: 1px solid var(--line);
    background: var(--ground);
    color: var(--ink);
    font: 0.9375rem/1.5 var(--sans);
    overscroll-behavior: contain;
  }

  .drawer::backdrop {
    background: rgb(10 14 12 / 45%);
  }

  .drawer-body {
    display: flex;
    flex-direction: column;
    height: 100%;
    padding-top: env(safe-area-inset-top);
  }

  .drawer-head {
    display: flex;
    align-items: center;
    justify-content: space-between;
    padding: 0.5rem 0.5rem 0 1rem;
  }

  .drawer-head h2 {
    margin: 0;
    font: 600 1.25rem/1.3 var(--serif);
  }

  .history-head {
    padding: 0.75rem 0.75rem 0.5rem;
  }

  .search,
  .rename {
    width: 100%;
    padding: 0.375rem 0.75rem;
    border: 1px solid var(--edge);
    border-radius: 0.625rem;
    background: var(--surface);
    color: var(--ink);
    font: inherit;
    font-size: 0.875rem;
  }

  .search::placeholder {
    color: var(--muted);
    opacity: 1;
  }

  .chats {
    display: flex;
    flex: 1;
    flex-direction: column;
    min-height: 0;
    padding: 0 0.5rem 0.25rem;
    overflow-y: auto;
  }

  .chats-label {
    flex: none;
    margin: 0;
    padding: 0.625rem 0.75rem 0.25rem;
    color: var(--muted);
    font: 600 0.75rem/1.4 var(--sans);
  }

  .chats > ul {
    display: flex;
    flex: none;
    flex-direction: column;
    gap: 0.125rem;
    margin: 0;
    padding: 0;
    list-style: none;
  }

  .pinned {
    flex: none;
    color: var(--muted);
  }

  .pinned .icon {
    width: 0.875rem;
    height: 0.875rem;
  }

  .chats li {
    flex: none;
    border-radius: 0.625rem;
  }

  .chats li:is(:hover, .open) {
    background: var(--tint);
  }

  .chat-row {
    display: flex;
    align-items: center;
  }

  .chat-title {
    flex: 1;
    min-width: 0;
    padding: 0.4375rem 0.25rem 0.4375rem 0.75rem;
    overflow: hidden;
    border: 0;
    border-radius: inherit;
    background: none;
    color: var(--ink);
    font: 0.875rem/1.4 var(--sans);
    text-align: start;
    text-overflow: ellipsis;
    white-space: nowrap;
    cursor: pointer;
  }

  .open > .chat-row .chat-title {
    font-weight: 600;
  }

  .chat-title:focus-visible,
  .chats .more:focus-visible {
    outline-offset: -2px;
  }

  .chats .more {
    margin-inline-end: 0.25rem;
  }

  @media (hover: hover) and (pointer: fine) {
    .chats li:not(:hover, :focus-within, .open) .more {
      opacity: 0;
    }
  }

  .chat-actions {
    display: flex;
    flex-direction: column;
    padding: 0 0.25rem 0.375rem 0.375rem;
  }

  .chat-actions .text-button {
    text-align: start;
  }

  .text-button.danger {
    color: var(--danger);
  }

  .rename {
    margin: 0.125rem 0;
  }

  .no-chats {
    flex: 1;
    margin: 0;
    padding: 0.5rem 1.25rem;
    color: var(--muted);
    font-size: 0.875rem;
  }

  .history-notice {
    display: flex;
    align-items: center;
    gap: 0.25rem;
    margin: 0 0.5rem 0.5rem;
    padding: 0.375rem 0.25rem 0.375rem 0.75rem;
    border: 1px solid var(--line);
    border-radius: 0.625rem;
    background: var(--surface);
    font-size: 0.8125rem;
    line-height: 1.4;
  }

  .history-notice span {
    flex: 1;
    min-width: 0;
    overflow-wrap: anywhere;
  }

  .history-notice.wrong {
    border-color: var(--danger);
    background: var(--danger-tint);
  }

  .history-foot {
    display: flex;
    justify-content: space-between;
    padding: 0.5rem 0.75rem max(0.625rem, env(safe-area-inset-bottom));
    border-top: 1px solid var(--line);
  }

  .history-foot .text-button {
    display: inline-flex;
    align-items: center;
    gap: 0.375rem;
    color: var(--muted);
  }

  .history-foot .text-button:hover:enabled {
    color: var(--ink);
    text-decoration: none;
  }

  .history-foot .icon {
    width: 1rem;
    height: 1rem;
  }
`;
