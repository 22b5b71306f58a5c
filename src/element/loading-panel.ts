// What the page shows while the model loads, and when it could not.

import { html, nothing, type TemplateResult } from 'lit';
import type { LoadProgress } from '../engine/protocol.ts';
import { canLoadAgain, type Fault, isForModels } from './faults.ts';
import { formatBytes, formatInteger, formatTimeLeft } from './format.ts';

/** One sentence for where loading stands, for the eye and for screen readers. */
export function loadingHeadline(progress: LoadProgress | undefined): string {
  switch (progress?.stage) {
    case 'weights':
      return progress.source === 'storage' ? 'Reading the model from this browser' : 'Downloading the model';
    case 'waiting':
      return 'Another tab is downloading the model';
    case 'compile':
      return 'Preparing your GPU';
    case 'ready':
      return 'Ready';
    default:
      return 'Looking for the model';
  }
}

/** A card with a bar: bytes, speed and time left for the weights, programs for the GPU. */
export function loadingPanel(progress: LoadProgress | undefined): TemplateResult {
  const headline = loadingHeadline(progress);
  const known = progress !== undefined && progress.total > 0 && progress.stage !== 'manifest';
  const share = known ? Math.min(1, progress.loaded / progress.total) : undefined;
  return html`<div class="card loading" part="loading">
    <div class="card-line">
      <span class="card-title" id="load-title">${headline}</span>
      ${share === undefined ? nothing : html`<span class="number">${Math.floor(share * 100)} %</span>`}
    </div>
    ${
      share === undefined
        ? html`<progress aria-labelledby="load-title"></progress>`
        : html`<progress aria-labelledby="load-title" max="1" .value=${share}></progress>`
    }
    <div class="card-line muted">
      <span class="number">${progress ? amount(progress) : nothing}</span>
      <span class="number">${progress ? pace(progress) : nothing}</span>
    </div>
    ${progress?.message ? html`<p class="muted message">${progress.message}</p>` : nothing}
  </div>`;
}

/** A card that offers to load the model, where the page does not do so by itself. */
export function loadOfferPanel(load: () => void): TemplateResult {
  return html`<div class="card offer" part="loading">
    <p>The model runs on this device; it is loaded once, and then kept in this browser.</p>
    <button class="button" type="button" @click=${load}>Load the model</button>
  </div>`;
}

/** A card with the sentence of what went wrong, and buttons for what can help: loading again, the list of models. */
export function loadFailurePanel(
  fault: Fault,
  retry: () => void,
  openModels: (() => void) | undefined,
): TemplateResult {
  return html`<div class="card failure" part="failure" role="alert">
    <span class="card-title">The model could not be loaded</span>
    <p>${fault.sentence}</p>
    <div class="card-actions">
      ${canLoadAgain(fault) ? html`<button class="button" type="button" @click=${retry}>Try again</button>` : nothing}
      ${
        openModels && isForModels(fault)
          ? html`<button class="text-button" type="button" @click=${openModels}>Show the models</button>`
          : nothing
      }
    </div>
  </div>`;
}

function amount(progress: LoadProgress): string {
  if (progress.stage === 'weights') return `${formatBytes(progress.loaded)} of ${formatBytes(progress.total)}`;
  if (progress.stage === 'compile' && progress.total > 0) {
    return `${formatInteger(progress.loaded)} of ${formatInteger(progress.total)} programs`;
  }
  return '';
}

function pace(progress: LoadProgress): string {
  if (progress.stage !== 'weights' || progress.bytesPerSecond <= 0) return '';
  const speed = `${formatBytes(progress.bytesPerSecond)}/s`;
  const left = formatTimeLeft(progress.secondsLeft);
  return left ? `${speed} · ${left}` : speed;
}
