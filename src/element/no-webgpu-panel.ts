// Without WebGPU there is nothing to chat with, so the page says where it works and how to switch it on: first what
// fits this very browser, then the whole list.

import { html, type TemplateResult } from 'lit';
import type { Fault } from './faults.ts';

/** What a page can know about the browser it is in. */
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

/** What to try first here, most likely remedy first. Plain sentences. */
export function firstSteps({ userAgent, secure, hasInterface }: Surroundings): string[] {
  if (!secure) return ['Open this page over https, or on localhost: browsers offer WebGPU to secure pages only.'];
  const linux = /Linux|X11/.test(userAgent) && !/Android/.test(userAgent);
  if (/iPhone|iPad/.test(userAgent)) {
    return ['Update to iOS or iPadOS 26 or later: there every browser has WebGPU.'];
  }
  if (/Firefox\//.test(userAgent)) {
    return [
      linux || /Android/.test(userAgent)
        ? 'Firefox offers WebGPU here only in Nightly: open about:config, set dom.webgpu.enabled to true and restart.'
        : 'Update Firefox: Windows needs version 141, a Mac with Apple silicon and macOS 26 needs version 145.',
    ];
  }
  if (/Chrome\//.test(userAgent)) {
    return [
      ...(hasInterface ? [] : ['Update this browser: WebGPU came with version 113, on Android with version 121.']),
      'Switch on “Use graphics acceleration when available” in the browser’s settings, under System, and restart it.',
      ...(linux
        ? [
            'Start the browser with --enable-unsafe-webgpu --enable-features=Vulkan, and keep the graphics driver up to date.',
          ]
        : []),
      'Open chrome://flags, enable “Unsafe WebGPU Support”, and restart.',
      'In Brave, lower the Shields for this page.',
    ];
  }
  if (/Safari\//.test(userAgent)) {
    return ['Update to Safari 26 or later. In Safari 18, Develop › Feature Flags › WebGPU switches it on.'];
  }
  return ['Open this page in one of the browsers below.'];
}

/** Where this library has been seen to run. */
const SEEN = 'Chromium 156 on Linux, with an NVIDIA GPU';

/** What the makers of browsers say of them. */
const BROWSERS: readonly (readonly [browser: string, where: string])[] = [
  ['Chrome, Edge 113', 'Windows, macOS, ChromeOS'],
  ['Chrome 144', 'Linux with an Intel GPU of 2020 or later; from 147 also NVIDIA; others with --enable-unsafe-webgpu'],
  ['Chrome 121', 'Android 12 and later'],
  ['Safari 26', 'macOS, iOS, iPadOS and visionOS 26'],
  ['Firefox 141', 'Windows'],
  ['Firefox 145', 'Macs with Apple silicon and macOS 26'],
];

/** The whole panel. */
export function noWebgpuPanel(fault: Fault, surroundings: Surroundings, retry: () => void): TemplateResult {
  return html`<div class="card no-webgpu" part="no-webgpu">
    <h2 class="card-title">This page needs WebGPU</h2>
    <p>The model runs on your own GPU, and WebGPU is how a browser lets a page use it. ${fault.sentence}</p>
    <h3>To try here</h3>
    <ul>
      ${firstSteps(surroundings).map((step) => html`<li>${withCode(step)}</li>`)}
    </ul>
    <h3>Browsers that have it</h3>
    <p>
      We have seen it run in ${SEEN}. What stands below is what the makers of browsers say: it ought to run there, and
      we have not tried it.
    </p>
    <table>
      <thead>
        <tr>
          <th scope="col">From version</th>
          <th scope="col">On</th>
        </tr>
      </thead>
      <tbody>
        ${BROWSERS.map(
          ([browser, where]) =>
            html`<tr>
              <th scope="row">${browser}</th>
              <td>${withCode(where)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
    <p class="muted">Chromium-based browsers such as Opera, Brave and Vivaldi follow Chrome’s version.</p>
    <button class="button" type="button" @click=${retry}>Check again</button>
  </div>`;
}

/** A sentence whose flags and addresses of settings are set as code. */
function withCode(sentence: string): unknown[] {
  return sentence
    .split(/(--[\w-]+(?:=\w+)?|chrome:\/\/flags|about:config|dom\.webgpu\.enabled)/)
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}
