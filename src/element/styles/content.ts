// Parts of answers and questions besides text: code in colours, formulas, files.

import { css } from 'lit';

/** Styles of code, formulas and files. */
export const contentStyles = css`
  .word-keyword {
    color: light-dark(#7a3e9d, #cfaef0);
  }

  .word-string,
  .word-added {
    color: light-dark(#17664a, #9fd8a8);
  }

  .word-number {
    color: light-dark(#8a4b08, #e8b98a);
  }

  .word-comment {
    color: var(--muted);
    font-style: italic;
  }

  .word-name {
    color: light-dark(#1d4f91, #93c1f2);
  }

  .word-type {
    color: light-dark(#8f2a5e, #f0a8c4);
  }

  .word-meta {
    color: var(--muted);
  }

  .word-removed {
    color: var(--danger);
  }

  .block code.math {
    padding: 0;
    background: none;
  }

  .block code.math.display {
    white-space: pre-wrap;
  }

  /* Lengths in a formula may be whatever its author likes: it stays within its paragraph. */
  .block:has(math) {
    overflow: clip;
    overflow-clip-margin: 0.5rem;
  }

  .formula.display {
    display: block;
    padding: 0.25rem 0;
    overflow: auto hidden;
    text-align: center;
  }

  .formula.display:focus-visible {
    outline-offset: -2px;
  }

  .formula math {
    font-family: 'Cambria Math', 'STIX Two Math', 'Latin Modern Math', 'Noto Sans Math', math;
    font-size: 1.0625em;
    font-style: normal;
    line-height: normal;
    overflow-wrap: normal;
    direction: ltr;
  }

  .formula.display math {
    display: block;
    display: block math;
    width: max-content;
    min-width: 100%;
  }

  .formula mtable {
    text-align: center;
  }

  .formula mtd.tml-left {
    text-align: left;
    text-align: -webkit-left;
  }

  .formula mtd.tml-right {
    text-align: right;
    text-align: -webkit-right;
  }

  .formula .tml-jot > mtr > mtd {
    padding-block: 0.7ex;
  }

  .formula .flush-left {
    padding-left: 0;
  }

  .formula .flush-right {
    padding-right: 0;
  }

  .formula .wide-left {
    padding-left: 1em;
  }

  .formula .line-top {
    border-top: 0.06em solid;
  }

  .formula .line-right {
    border-right: 0.06em solid;
  }

  .formula .line-bottom {
    border-bottom: 0.06em solid;
  }

  .formula .line-left {
    border-left: 0.06em solid;
  }

  .formula .line-around {
    padding: 0.2em 0.3em;
    border: 1px solid;
  }

  .formula .tml-overline {
    padding-top: 0.1em;
    border-top: 0.065em solid;
  }

  .formula .tml-underline {
    padding-bottom: 0.1em;
    border-bottom: 0.065em solid;
  }

  .formula .tml-vec {
    transform: scale(0.75);
  }

  .formula menclose {
    position: relative;
  }

  .formula .tml-cancel {
    display: block;
    position: absolute;
    inset: 0;
    background: currentColor;
  }

  .formula .upstrike {
    clip-path: polygon(0 calc(100% - 0.06em), 0.06em 100%, 100% 0.06em, calc(100% - 0.06em) 0);
  }

  .formula .downstrike {
    clip-path: polygon(0.06em 0, 0 0.06em, calc(100% - 0.06em) 100%, 100% calc(100% - 0.06em));
  }

  /* A formula in a line breaks where its parts end. */
  @supports (not (-moz-appearance: none)) {
    .formula:not(.display) > math {
      display: inline-flex;
      flex-wrap: wrap;
      row-gap: 0.3em;
      align-items: baseline;
    }
  }

  .question .box {
    display: block;
    content-visibility: auto;
    contain-intrinsic-size: auto 36rem;
  }

  /* A box that is taken for smaller than it is has others laid out in vain. */
  .block.plain.full {
    contain-intrinsic-size: auto 36rem;
  }

  .composer-box {
    position: relative;
  }

  .composer-box.dropping .composer {
    border-color: var(--accent);
    border-style: dashed;
    background: var(--tint);
  }

  .composer .attach {
    width: 2.25rem;
    height: 2.25rem;
    margin-inline-end: -0.25rem;
    border-radius: 50%;
  }

  .chips {
    display: flex;
    flex-wrap: wrap;
    gap: 0.375rem;
    margin: 0 0 0.5rem;
    padding: 0;
    list-style: none;
  }

  .chip {
    display: flex;
    align-items: center;
    gap: 0.5rem;
    max-width: 100%;
    padding: 0.125rem 0.125rem 0.125rem 0.625rem;
    border: 1px solid var(--edge);
    border-radius: 0.75rem;
    background: var(--surface);
    font-size: 0.875rem;
  }

  .chip .icon,
  .attachment .icon {
    width: 1.0625rem;
    height: 1.0625rem;
    color: var(--muted);
  }

  .file-name {
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }

  .file-size {
    flex: none;
    color: var(--muted);
    font-size: 0.75rem;
    font-variant-numeric: tabular-nums;
  }

  .refusals {
    color: var(--danger);
    font-size: 0.875rem;
    line-height: 1.45;
    overflow-wrap: anywhere;
  }

  .refusals p,
  .limits {
    margin: 0 0 0.5rem;
  }

  bamba-attachments {
    display: flex;
    flex-direction: column;
    align-items: flex-end;
    gap: 0.5rem;
    margin-top: -0.5rem;
  }

  .attachment {
    max-width: min(85%, 34rem);
    border: 1px solid var(--line);
    border-radius: 0.75rem;
    background: var(--surface);
  }

  .attachment[open] {
    width: min(100%, 34rem);
    max-width: 100%;
  }

  .attachment summary {
    display: flex;
    align-items: center;
    gap: 0.5rem;
    padding: 0.375rem 0.75rem;
    border-radius: 0.75rem;
    font-size: 0.875rem;
    cursor: pointer;
    list-style: none;
  }

  .attachment summary::-webkit-details-marker {
    display: none;
  }

  .attachment summary .icon:last-child {
    margin-inline-start: auto;
  }

  .attachment[open] summary .icon:last-child {
    transform: rotate(180deg);
  }

  .attachment-text {
    max-height: 20rem;
    padding: 0.625rem 0.75rem;
    border-top: 1px solid var(--line);
    overflow: auto;
    font: 0.8125rem/1.5 var(--mono);
    overflow-wrap: anywhere;
  }
`;
