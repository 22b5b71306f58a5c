// The cards of a model that loads, and of one that could not be loaded.

import { html, nothing, type TemplateResult } from 'lit';
import type { LoadProgress } from '../../engine/protocol.ts';
import { canLoadAgain, isForModels, sentenceOf } from '../faults.ts';
import { formatBytes, formatInteger, formatTimeLeft } from '../format.ts';
import type { LoadFailure, Loading } from './model-switch.ts';

/**
 * One sentence for where loading stands, for the eye and for screen readers.
 *
 * @param name of the model, where another one runs
 */
export function loadingHeadline(progress: LoadProgress | undefined, name = 'the model'): string {
  switch (progress?.stage) {
    case 'weights':
      return progress.source === 'storage' ? `Reading ${name} from this browser` : `Downloading ${name}`;
    case 'waiting':
      return `Another tab is downloading ${name}`;
    case 'compile':
      return 'Preparing your GPU';
    case 'ready':
      return 'Ready';
    default:
      return `Looking for ${name}`;
  }
}

/** The actions of the buttons. */
export interface LoadActions {
  load: () => void;
  cancel: () => void;
  /** Loads what failed once more. */
  retry: () => void;
  /** The same, once the model that runs is freed. */
  retryAlone: () => void;
  /** The model to return to after a failure or a cancelled load. */
  back: { name: string; run: () => void } | undefined;
  /** Bytes of the download, where they are known. */
  downloadBytes: number | undefined;
  /** Shows the models; undefined where there is nothing to choose. */
  openModels: (() => void) | undefined;
}

/** A model on its way, as it is shown. */
export interface LoadingCard {
  loading: Loading;
  name: string;
  /** Of the model that answers until then. */
  running: string | undefined;
  cancel: () => void;
}

/** A card with a bar: bytes, speed and time left for the weights, programs for the GPU. */
export function loadingPanel({ loading, name, running, cancel }: LoadingCard): TemplateResult {
  const { progress, waiting } = loading;
  const headline = waiting ? `${name} is ready` : loadingHeadline(progress, running === undefined ? undefined : name);
  const known = progress !== undefined && progress.total > 0 && progress.stage !== 'manifest';
  const share = waiting ? 1 : known ? progress.progress : undefined;
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
    <div class="card-foot">
      <span class="muted">${running === undefined ? nothing : meanwhile(running, waiting)}</span>
      <button class="text-button" type="button" @click=${cancel}>Cancel</button>
    </div>
  </div>`;
}

function meanwhile(running: string, waiting: boolean): string {
  return waiting ? `It answers once ${running} has finished this answer.` : `${running} answers until then.`;
}

/** A card that offers to load the model, where the page does not do so by itself. */
export function loadOfferPanel({ load, back, downloadBytes }: LoadActions): TemplateResult {
  return html`<div class="card offer" part="loading">
    <p>
      The model runs on this device. It is downloaded
      once${downloadBytes === undefined ? '' : `, ${formatBytes(downloadBytes)}`}, and then kept in this browser.
    </p>
    <button class="button" type="button" @click=${load}>Load the model</button>
    ${back ? html`<button class="text-button" type="button" @click=${back.run}>Back to ${back.name}</button>` : nothing}
  </div>`;
}

/** A model that could not be loaded, as it is shown. */
export interface FailureCard {
  failure: LoadFailure;
  name: string;
  /** Of the model that goes on answering. */
  running: string | undefined;
  actions: LoadActions;
}

/** A card with the sentence of what went wrong, and buttons for what can help: loading again, going back, the list. */
export function loadFailurePanel({ failure: { fault }, name, running, actions }: FailureCard): TemplateResult {
  const { back, openModels, retry, retryAlone } = actions;
  // The other model may lack the memory of the running one.
  const alone = running !== undefined && fault.code === 'out_of_memory';
  return html`<div class="card failure" part="failure" role="alert">
    <span class="card-title">${name === '' ? 'The model' : name} could not be loaded</span>
    <p>${sentenceOf(fault)}${running === undefined ? '' : ` ${running} goes on answering.`}</p>
    <div class="card-actions">
      ${back ? html`<button class="button" type="button" @click=${back.run}>Back to ${back.name}</button>` : nothing}
      ${
        alone
          ? html`<button class="button quiet" type="button" @click=${retryAlone}>
              Free ${running}, and try again
            </button>`
          : canLoadAgain(fault)
            ? html`<button class=${back ? 'button quiet' : 'button'} type="button" @click=${retry}>Try again</button>`
            : nothing
      }
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
