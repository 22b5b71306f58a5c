// Without WebGPU no model runs. The page says how to switch it on in this browser, and names the browsers in which it ran.
// It calls all other browsers untested.

import { html, nothing, type TemplateResult } from 'lit';
import type { BambaError } from '../../errors.ts';
import { sentenceOf } from '../faults.ts';

/** Facts that a page can know about its browser. */
export interface Surroundings {
  userAgent: string;
  /** Browsers hide WebGPU from pages that came over plain http, but for localhost. */
  secure: boolean;
  /** The browser has the interface, so what is missing is a usable GPU. */
  hasInterface: boolean;
}

/** Reads them from this page. */
export function readSurroundings(): Surroundings {
  return { userAgent: navigator.userAgent, secure: isSecureContext, hasInterface: 'gpu' in navigator };
}

/** Chromium and Firefox on Linux desktops were tested; README has the details. */
export function isTried({ userAgent }: Surroundings): boolean {
  return isLinux(userAgent) && /Chrome\/|Firefox\//.test(userAgent);
}

function isLinux(userAgent: string): boolean {
  return /Linux|X11/.test(userAgent) && !/Android/.test(userAgent);
}

/** Steps to try in this browser, the likeliest remedy first. Plain sentences. */
export function firstSteps({ userAgent, secure, hasInterface }: Surroundings): string[] {
  if (!secure) return ['Open this page over https, or on localhost: browsers offer WebGPU to secure pages only.'];
  const linux = isLinux(userAgent);
  if (/iPhone|iPad/.test(userAgent)) {
    return ['Update to iOS or iPadOS 26 or later: there every browser has WebGPU.'];
  }
  if (/Firefox\//.test(userAgent)) {
    return [
      linux
        ? 'Open about:config, set dom.webgpu.enabled and gfx.webgpu.ignore-blocklist to true, and restart Firefox.'
        : /Android/.test(userAgent)
          ? 'Firefox offers WebGPU here only in Nightly: open about:config, set dom.webgpu.enabled to true and restart.'
          : 'Update Firefox: Windows needs version 141, a Mac with Apple silicon and macOS 26 needs version 145.',
    ];
  }
  if (/Chrome\//.test(userAgent)) {
    return [
      ...(hasInterface ? [] : ['Update this browser: WebGPU came with version 113, on Android with version 121.']),
      ...(linux
        ? [
            'Start the browser with --enable-unsafe-webgpu --enable-features=Vulkan, and keep the graphics driver up to date.',
          ]
        : []),
      'Switch on “Use graphics acceleration when available” in the browser’s settings, under System, and restart it.',
      'Open chrome://flags, enable “Unsafe WebGPU Support”, and restart.',
      'In Brave, lower the Shields for this page.',
    ];
  }
  if (/Safari\//.test(userAgent)) {
    return ['Update to Safari 26 or later. In Safari 18, Develop › Feature Flags › WebGPU switches it on.'];
  }
  return ['Open this page in one of the browsers below.'];
}

/** Where this library has been seen to run, and how WebGPU was switched on there. */
export const SEEN: readonly Readonly<Record<'browser' | 'system' | 'by', string>>[] = [
  {
    browser: 'Chromium 156',
    system: 'Linux, on NVIDIA H100 and H200, and on SwiftShader',
    by: '--enable-unsafe-webgpu --enable-features=Vulkan',
  },
  {
    browser: 'Firefox ESR 153',
    system: 'Linux, on SwiftShader, which computes on the processor',
    by: 'dom.webgpu.enabled and gfx.webgpu.ignore-blocklist in about:config',
  },
];

/** The whole panel. */
export function noWebgpuPanel(fault: BambaError, surroundings: Surroundings, retry: () => void): TemplateResult {
  return html`<div class="card no-webgpu" part="no-webgpu">
    <h2 class="card-title">This page needs WebGPU</h2>
    <p>The model runs on your own GPU. A page reaches the GPU through WebGPU. ${sentenceOf(fault)}</p>
    <h3>To try here</h3>
    <ul>
      ${firstSteps(surroundings).map((step) => html`<li>${withCode(step)}</li>`)}
    </ul>
    ${
      isTried(surroundings)
        ? nothing
        : html`<p class="untested">
            That is what its makers say; we have not tested this browser on this system, and cannot promise anything.
          </p>`
    }
    <h3>Where it has been seen to run</h3>
    <table>
      <thead>
        <tr>
          <th scope="col">Browser</th>
          <th scope="col">On</th>
          <th scope="col">With</th>
        </tr>
      </thead>
      <tbody>
        ${SEEN.map(
          ({ browser, system, by }) =>
            html`<tr>
              <th scope="row">${browser}</th>
              <td>${system}</td>
              <td>${withCode(by)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
    <p class="untested">
      Everything else is untested: Chrome, Edge, Firefox and Safari on Windows, macOS, Android and iOS, and GPUs of
      other makers. Where such a browser has WebGPU, the page may run.
    </p>
    <button class="button" type="button" @click=${retry}>Check again</button>
  </div>`;
}

/** A sentence whose flags and addresses of settings are set as code. */
function withCode(sentence: string): unknown[] {
  return sentence
    .split(/(--[\w-]+(?:=\w+)?|chrome:\/\/flags|about:config|(?:dom|gfx)\.webgpu\.[a-z-]+)/)
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}
