// An empty chat: a greeting, what kind of model answers, and questions to begin with.

import { html, nothing, type TemplateResult } from 'lit';
import type { EngineInfo } from '../engine/protocol.ts';
import { formatParameters } from './format.ts';
import type { ModelPreset } from './models/presets.ts';
import { stepsOf, type Suggestion } from './suggestions.ts';

/** Options of the first screen. */
export interface WelcomeOptions {
  info: EngineInfo | undefined;
  /** Of the model at hand, until it says its own; empty where there is none. */
  name: string;
  /** Whether the model is the page's own: the page's greeting is for that one. */
  own: boolean;
  /** The known facts about the model before it is loaded. */
  preset: ModelPreset | undefined;
  suggestions: readonly Suggestion[];
  ask: (question: string) => void;
}

/** Draws the greeting; the page may put its own into the slot `welcome`. */
export function welcome({ info, name, own, preset, suggestions, ask }: WelcomeOptions): TemplateResult {
  const greeting = greet(info, name, preset);
  return html`<div class="welcome">
    ${own && info?.model.hasChatTemplate !== false ? html`<slot name="welcome">${greeting}</slot>` : greeting}
    ${
      suggestions.length === 0
        ? nothing
        : html`<ul class="suggestions" aria-label="Questions to begin with">
            ${suggestions.map((suggestion) => html`<li>${beginning(stepsOf(suggestion), ask)}</li>`)}
          </ul>`
    }
  </div>`;
}

/** Draws the questions that follow on the last answer. */
export function followingQuestions(questions: readonly string[], ask: (question: string) => void): unknown {
  if (questions.length === 0) return nothing;
  return html`<ul class="suggestions following" aria-label="Questions that follow on">
    ${questions.map((question) => html`<li>${beginning([question], ask)}</li>`)}
  </ul>`;
}

/** A question that is asked when it is pressed, and in small what can be asked then. */
function beginning([question, then]: readonly [string, ...string[]], ask: (question: string) => void): TemplateResult {
  return html`<button class="suggestion" type="button" @click=${() => ask(question)}>
    <span class="step">${question}</span>
    ${then === undefined ? nothing : html`<span class="then">then <em>${then}</em></span>`}
  </button>`;
}

function greet(info: EngineInfo | undefined, expected: string, preset: ModelPreset | undefined): TemplateResult {
  const name = info?.model.name ?? expected;
  if (info?.model.hasChatTemplate === false) {
    return html`<div>
      <p class="greeting">Plain completion</p>
      <p class="explanation">${name} does not chat: it continues a text. Write the beginning, and the model goes on.</p>
      ${kind(info, preset)}
    </div>`;
  }
  return html`<div>
    <p class="greeting">${name === '' ? 'Ask a question' : `Ask ${name}`}</p>
    ${preset ? html`<p class="explanation">${preset.about}</p>` : nothing} ${info ? kind(info, preset) : nothing}
  </div>`;
}

/** One line: what kind of model this is, and that models can be wrong. */
function kind({ model: { parameters } }: EngineInfo, preset: ModelPreset | undefined): TemplateResult {
  return html`<p class="kind">
    A language model of ${formatParameters(parameters)} parameters that runs on this device, and can be wrong.
    ${preset?.untried ? 'Nobody has run its own weights here yet.' : nothing}
  </p>`;
}
