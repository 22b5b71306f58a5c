// Questions, answers, and Markdown in them.

import { css } from 'lit';

/** Styles of a turn. */
export const answerStyles = css`
  bamba-turn {
    display: flex;
    flex-direction: column;
    gap: 1rem;
  }

  .question {
    display: flex;
    align-items: flex-start;
    justify-content: flex-end;
    gap: 0.25rem;
  }

  .question .edit {
    margin-top: 0.375rem;
  }

  @media (hover: hover) and (pointer: fine) {
    .question:not(:hover, :focus-within) .edit {
      opacity: 0;
    }
  }

  /* Text that is continued stands in the same column as what continues it. */
  .question.text {
    flex-direction: row-reverse;
    margin-bottom: -0.625rem;
  }

  .question.text p {
    flex: 1;
    max-width: none;
    padding: 0;
    background: none;
    font-size: 1.0625rem;
    font-weight: 600;
    line-height: 1.65;
  }

  .question.text .edit {
    margin-top: 0;
  }

  .editor {
    flex: 1;
    padding: 0.375rem 0.5rem 0.5rem 1rem;
    border: 1px solid var(--edge);
    border-radius: 1.125rem;
    background: var(--surface);
  }

  .editor:focus-within {
    border-color: var(--accent);
    box-shadow: 0 0 0 1px var(--accent);
  }

  .editor textarea {
    width: 100%;
  }

  .editor-actions {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: flex-end;
    gap: 0.5rem;
  }

  .editor-actions .muted {
    flex: 1;
  }

  .question p {
    max-width: min(85%, 34rem);
    margin: 0;
    padding: 0.5rem 1rem;
    border-radius: 1.125rem 1.125rem 0.3125rem 1.125rem;
    background: var(--tint);
    overflow-wrap: anywhere;
    white-space: pre-wrap;
  }

  .answer {
    min-width: 0;
  }

  .markdown {
    display: flex;
    flex-direction: column;
    gap: 0.75rem;
    font-size: 1.0625rem;
    line-height: 1.65;
    overflow-wrap: anywhere;
  }

  .markdown:is([data-plain], .raw) {
    display: block;
    white-space: pre-wrap;
  }

  .block {
    min-width: 0;
  }

  .piece {
    display: contents;
  }

  [data-long] > .piece {
    display: flex;
    flex-direction: column;
    gap: 0.75rem;
    content-visibility: auto;
    contain-intrinsic-size: auto 4rem;
  }

  /* What is not in sight is not laid out: a text may be as long as it likes. */
  .block.plain {
    white-space: pre-wrap;
    content-visibility: auto;
    contain-intrinsic-size: auto 6rem;
  }

  .rest > .muted {
    margin: 0 0 0.75rem;
    padding-top: 0.75rem;
    border-top: 1px solid var(--line);
  }

  .more-text {
    align-self: flex-start;
    margin-top: 0.5rem;
  }

  .block > * {
    margin: 0;
  }

  .block :is(h1, h2, h3, h4, h5, h6) {
    margin: 0.5rem 0 0;
    font: 600 1.1875rem/1.35 var(--serif);
  }

  .block h1 {
    font-size: 1.4375rem;
  }

  .block h2 {
    font-size: 1.3125rem;
  }

  .block :is(ul, ol) {
    padding-inline-start: 1.5rem;
  }

  .block li + li,
  .block li > :is(ul, ol) {
    margin-top: 0.25rem;
  }

  .block li::marker {
    color: var(--muted);
    font-variant-numeric: tabular-nums;
  }

  .block li p {
    margin: 0 0 0.375rem;
  }

  .block blockquote {
    padding-inline-start: 1rem;
    border-inline-start: 3px solid var(--line);
    color: var(--muted);
  }

  .block blockquote p {
    margin: 0 0 0.375rem;
  }

  .block hr {
    width: 100%;
    border: 0;
    border-top: 1px solid var(--line);
  }

  .block a {
    color: var(--accent);
    text-underline-offset: 0.15em;
  }

  .block :not(pre) > code {
    padding: 0.1em 0.35em;
    border-radius: 0.3125rem;
    background: var(--sunken);
    font: 0.875em/1.4 var(--mono);
  }

  .code {
    overflow: hidden;
    border: 1px solid var(--line);
    border-radius: 0.75rem;
    background: var(--sunken);
  }

  .code-bar {
    display: flex;
    align-items: center;
    justify-content: space-between;
    padding: 0.25rem 0.375rem 0.25rem 0.875rem;
    border-bottom: 1px solid var(--line);
    color: var(--muted);
    font-size: 0.75rem;
  }

  .code pre {
    margin: 0;
    padding: 0.75rem 0.875rem;
    overflow-x: auto;
    font: 0.875rem/1.55 var(--mono);
    overflow-wrap: normal;
    tab-size: 4;
  }

  .code pre:focus-visible,
  .table-frame:focus-visible {
    outline-offset: -2px;
  }

  .table-frame {
    max-width: 100%;
    overflow-x: auto;
    border: 1px solid var(--line);
    border-radius: 0.75rem;
  }

  .table-frame table {
    width: 100%;
    border-collapse: collapse;
    font-size: 0.9375rem;
    font-variant-numeric: tabular-nums;
    overflow-wrap: normal;
  }

  .table-frame :is(th, td) {
    padding: 0.4375rem 0.875rem;
    border-bottom: 1px solid var(--line);
    text-align: start;
  }

  .table-frame :is(th, td)[align='right'] {
    text-align: right;
  }

  .table-frame :is(th, td)[align='center'] {
    text-align: center;
  }

  .table-frame th {
    background: var(--sunken);
    font-weight: 600;
  }

  .table-frame tr:last-child td {
    border-bottom: 0;
  }

  .foot {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.125rem 0.25rem;
    min-height: 1.75rem;
    margin-top: 0.375rem;
    margin-inline-start: -0.375rem;
    color: var(--muted);
    font-size: 0.75rem;
  }

  .versions {
    display: inline-flex;
    align-items: center;
  }

  .versions-count {
    min-width: 2.25em;
    text-align: center;
    font-variant-numeric: tabular-nums;
  }

  .foot .statistics,
  .foot .note {
    padding-inline-start: 0.375rem;
    font-variant-numeric: tabular-nums;
  }

  .foot .note {
    font-weight: 600;
  }

  .main:not(.with-statistics) .statistics {
    display: none;
  }

  .waiting {
    display: flex;
    align-items: center;
    gap: 0.75rem;
    min-height: 1.75rem;
    color: var(--muted);
    font-size: 0.8125rem;
    font-variant-numeric: tabular-nums;
  }

  .dots {
    display: inline-flex;
    gap: 0.3125rem;
  }

  .dots i {
    width: 0.4375rem;
    height: 0.4375rem;
    border-radius: 50%;
    background: var(--accent);
    animation: breathe 1.2s ease-in-out infinite;
  }

  .dots i:nth-child(2) {
    animation-delay: 0.15s;
  }

  .dots i:nth-child(3) {
    animation-delay: 0.3s;
  }

  .writing .piece:last-child > .block:last-child > :is(p, h1, h2, h3, h4):last-child::after,
  .writing .piece:last-child > .block:last-child > :is(ul, ol) > li:last-child::after {
    content: '';
    display: inline-block;
    width: 0.5em;
    height: 1em;
    margin-inline-start: 0.2em;
    border-radius: 0.125em;
    background: var(--accent);
    vertical-align: -0.125em;
    animation: breathe 1s ease-in-out infinite;
  }

  @keyframes breathe {
    0%,
    100% {
      opacity: 0.3;
    }
    50% {
      opacity: 1;
    }
  }
`;
