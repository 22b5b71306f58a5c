// A model to choose from, as the list of models shows it: what it is, what it takes, and whether it fits.

import { html, nothing, type TemplateResult } from 'lit';
import type { Scheme } from '../../engine/protocol.ts';
import { factsLine } from '../turns/facts.ts';
import { formatBytes, formatParameters } from '../format.ts';
import { type Fit, fitOf, type GpuFacts } from './gpu-fit.ts';
import type { ModelPreset } from './presets.ts';

/** Options of the card. */
export interface PresetCard {
  preset: ModelPreset;
  /** The type that is chosen. */
  dtype: Scheme | undefined;
  gpu: GpuFacts | undefined;
  status: 'running' | 'loading' | 'none';
  /** Why it could not be loaded just now; empty where nothing failed. */
  failure: string;
  chooseType: (dtype: Scheme) => void;
  load: () => void;
}

const FITS: Readonly<Record<Fit, string | undefined>> = {
  fits: 'Should fit this GPU',
  unsure: 'May not fit this GPU',
  unknown: undefined,
};

/** Draws the card. */
export function presetCard(card: PresetCard): TemplateResult {
  const { preset, dtype, gpu, status, failure } = card;
  const { name, about, chats, stateBytes, sizes, untried } = preset;
  const bytes = (dtype && sizes[dtype]) ?? 0;
  const fit = fitOf(bytes + stateBytes, gpu);
  // A running model has shown that it fits.
  const mark = status === 'running' ? undefined : FITS[fit];
  return html`<div class="model preset">
    <div class="model-name"><span class="name">${name}</span></div>
    <p>${about}</p>
    <p class="marks">
      ${mark ? html`<span class=${fit === 'fits' ? 'badge' : 'badge plain'}>${mark}</span>` : nothing}
      ${chats ? nothing : html`<span class="badge plain">Plain completion</span>`}
      ${untried ? html`<span class="badge plain">Not yet run here</span>` : nothing}
    </p>
    <p class="muted">${facts(preset, bytes)}</p>
    <div class="model-actions">${actions(card)}</div>
    ${failure === '' ? nothing : html`<p class="hint wrong" role="alert">Could not be loaded: ${failure}</p>`}
  </div>`;
}

function facts({ parameters, downloadBytes, stateBytes, licence }: ModelPreset, bytes: number): TemplateResult[] {
  const figures = [
    `${formatParameters(parameters)} parameters`,
    `${formatBytes(downloadBytes)} to download`,
    ...(downloadBytes === bytes ? [] : [`${formatBytes(bytes)} kept`]),
    `${formatBytes(bytes + stateBytes)} of GPU memory`,
  ];
  return factsLine([...figures, licence]);
}

function actions({ preset, dtype, status, chooseType, load }: PresetCard): TemplateResult {
  const { name, sizes } = preset;
  const dtypes = Object.keys(sizes) as Scheme[];
  return html`${
    dtypes.length < 2
      ? nothing
      : html`<select
          aria-label=${`Type of ${name}`}
          @change=${(event: Event) => chooseType((event.target as HTMLSelectElement).value as Scheme)}
        >
          ${dtypes.map((each) => html`<option value=${each} ?selected=${each === dtype}>${each}</option>`)}
        </select>`
  }
  ${
    status === 'none'
      ? html`<button class="button quiet" type="button" aria-label=${`Load ${name}`} @click=${load}>Load</button>`
      : html`<span class="badge">${status === 'running' ? 'Running' : 'Loading …'}</span>`
  }`;
}
