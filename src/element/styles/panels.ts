// Cards: loading, what went wrong, no WebGPU.

import { css } from 'lit';

/** Styles of everything that is shown instead of an answer. */
export const panelStyles = css`
  .card {
    padding: 1rem 1.25rem;
    border: 1px solid var(--line);
    border-radius: 1rem;
    background: var(--surface);
  }

  .card p {
    margin: 0.375rem 0 0.75rem;
    overflow-wrap: anywhere;
  }

  .card-title {
    margin: 0;
    font: 600 1.0625rem/1.4 var(--serif);
  }

  .card-line {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    justify-content: space-between;
    gap: 0 1rem;
  }

  .card .number {
    font-variant-numeric: tabular-nums;
  }

  .muted {
    color: var(--muted);
    font-size: 0.8125rem;
  }

  .loading .muted {
    min-height: 1.3em;
  }

  progress {
    display: block;
    width: 100%;
    height: 0.375rem;
    margin: 0.625rem 0 0.5rem;
    overflow: hidden;
    border: 0;
    border-radius: 1rem;
    appearance: none;
    background: var(--sunken);
    color: var(--accent);
  }

  progress::-webkit-progress-bar {
    background: var(--sunken);
  }

  progress::-webkit-progress-value {
    border-radius: 1rem;
    background: var(--accent);
    transition: inline-size 200ms linear;
  }

  progress::-moz-progress-bar {
    border-radius: 1rem;
    background: var(--accent);
  }

  progress:indeterminate {
    background: linear-gradient(90deg, var(--sunken) 30%, var(--accent) 50%, var(--sunken) 70%) 0 0 / 300% 100%;
    animation: slide 1.6s linear infinite;
  }

  progress:indeterminate::-webkit-progress-bar {
    background: none;
  }

  progress:indeterminate::-moz-progress-bar {
    background: none;
  }

  @keyframes slide {
    from {
      background-position: 100% 0;
    }
    to {
      background-position: -50% 0;
    }
  }

  .card-foot {
    display: flex;
    align-items: baseline;
    justify-content: space-between;
    gap: 1rem;
    margin: 0.25rem -0.5rem -0.375rem 0;
  }

  .loading .message {
    margin: 0.5rem 0 0;
  }

  .offer {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 0.5rem 1rem;
  }

  .offer p {
    flex: 1 1 16rem;
    margin: 0;
    color: var(--muted);
    font-size: 0.9375rem;
  }

  .failure {
    border-color: var(--danger);
    background: var(--danger-tint);
  }

  .last-resort {
    max-width: var(--measure);
    margin: auto;
    overflow-wrap: anywhere;
  }

  .card-actions {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.5rem;
  }

  .failure .card-title {
    color: var(--danger);
  }

  .trouble {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.5rem 1rem;
    margin-bottom: 0.625rem;
    padding: 0.625rem 0.75rem 0.625rem 1rem;
    border: 1px solid var(--danger);
    border-radius: 0.875rem;
    background: var(--danger-tint);
    font-size: 0.9375rem;
    line-height: 1.45;
  }

  .trouble p {
    flex: 1 1 16rem;
    margin: 0;
    overflow-wrap: anywhere;
  }

  .trouble-actions {
    display: flex;
    align-items: center;
    gap: 0.25rem;
  }

  /* Beside a chat that is on screen and stays there, nothing is wrong yet. */
  .trouble.keeping {
    border-color: var(--edge);
    background: var(--surface);
  }

  .reading-only .card-title + p {
    flex: none;
    margin: 0.125rem 0 0;
  }

  .no-webgpu {
    margin: auto 0;
    padding: 1.5rem;
  }

  .no-webgpu .card-title {
    font-size: 1.5rem;
  }

  .no-webgpu h3 {
    margin: 1.25rem 0 0.375rem;
    font-size: 0.9375rem;
  }

  .no-webgpu ul {
    margin: 0;
    padding-inline-start: 1.25rem;
    overflow-wrap: anywhere;
  }

  .no-webgpu code {
    padding: 0.1em 0.35em;
    border-radius: 0.3125rem;
    background: var(--sunken);
    font: 0.875em/1.4 var(--mono);
    white-space: nowrap;
  }

  .no-webgpu table {
    width: 100%;
    border-collapse: collapse;
    font-size: 0.9375rem;
  }

  .no-webgpu :is(th, td) {
    padding: 0.3125rem 1rem 0.3125rem 0;
    border-bottom: 1px solid var(--line);
    font-weight: 400;
    text-align: start;
    vertical-align: top;
  }

  .no-webgpu tbody th {
    white-space: nowrap;
    font-weight: 600;
  }

  @media (max-width: 30rem) {
    .no-webgpu :is(tr, tbody th, td) {
      display: block;
    }

    .no-webgpu thead {
      display: none;
    }

    .no-webgpu :is(tbody th, td:not(:last-child)) {
      padding-bottom: 0;
      border-bottom: 0;
    }
  }

  .no-webgpu .untested {
    margin: 0.75rem 0 1rem;
    color: var(--muted);
    font-size: 0.9375rem;
  }

  .no-webgpu thead th {
    color: var(--muted);
    font-size: 0.8125rem;
  }
`;
