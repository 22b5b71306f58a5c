import { html, type TemplateResult } from 'lit';
import type { ComparedToken, Comparison, SideResult } from '../bench/compare/compare.ts';
import { bytes, number, type Table } from '../bench/report.ts';
import { tableView } from './bench-view.ts';

// What a comparison found: both answers side by side, and the first one coloured by what the second one makes of it.

/** Divergences from which a token has the next colour, in nats. */
const STEPS = [0.01, 0.05, 0.2, 1] as const;

/** A comparison as far as it is known. */
export function comparisonView(
  { sides, tokens, reason }: Comparison,
  chosen: number,
  choose: (token: number) => void,
): TemplateResult {
  return html`<div class="sides">${sides.map(sideView)}</div>
    ${reason === null ? '' : html`<p class="fact reason">${reason}</p>`}
    ${tokens === null ? '' : divergenceView(tokens, Math.min(chosen, tokens.length - 1), choose)}`;
}

function sideView(side: SideResult, index: number): TemplateResult {
  const { memory } = side;
  const total = memory.weights + memory.state + memory.activations;
  const figures = [
    ['Answer', `${number(side.decodeTokensPerS)} tokens/s`, `${side.tokens} tokens`],
    ['Prompt', `${number(side.prefillTokensPerS)} tokens/s`, `${side.promptTokens} tokens`],
    ['GPU memory', bytes(total), `${bytes(memory.weights)} of weights`],
  ];
  const id = `side-${index}`;
  return html`<section aria-labelledby=${id}>
    <h2 id=${id}><span class="order">${index === 0 ? 'First' : 'Second'}</span> ${side.name} in ${side.scheme}</h2>
    <dl>
      ${figures.map(
        ([name, value, more]) =>
          html`<div>
            <dt>${name}</dt>
            <dd class="value">${value}</dd>
            <dd class="more">${more}</dd>
          </div>`,
      )}
    </dl>
    <p class="answer">${side.text}</p>
  </section>`;
}

function divergenceView(
  tokens: readonly ComparedToken[],
  chosen: number,
  choose: (token: number) => void,
): TemplateResult {
  const mean = tokens.reduce((sum, { kl }) => sum + kl, 0) / tokens.length;
  const agreed = tokens.filter(({ agrees }) => agrees).length;
  const move = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowRight: 1,
      ArrowLeft: -1,
      Home: -chosen,
      End: tokens.length - 1 - chosen,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(tokens.length - 1, chosen + step));
    choose(next);
    (event.currentTarget as HTMLElement).querySelectorAll('button')[next]?.focus();
  };
  return html`<section aria-labelledby="divergence-title">
    <h2 id="divergence-title">Where the second one would have gone on otherwise</h2>
    <p class="fact">
      The first answer, as the second model reads it. The mean divergence of its predictions is ${nats(mean)}; in
      ${agreed} of ${tokens.length} places both hold the same token for the likeliest.
    </p>
    <div class="tokens" role="toolbar" aria-label="Tokens of the first answer" @keydown=${move}>
      ${tokens.map(
        (token, index) =>
          html`<button
            type="button"
            class="token kl-${stepOf(token.kl)}"
            tabindex=${index === chosen ? 0 : -1}
            aria-pressed=${index === chosen}
            aria-label=${`${shown(token.text)}, ${nats(token.kl)}`}
            @click=${() => choose(index)}
            .textContent=${shown(token.text)}
          ></button>`,
      )}
    </div>
    <p class="about" aria-live="polite">${aboutToken(tokens[chosen]!, chosen)}</p>
    <ul class="legend" aria-label="Colours">
      ${['0', ...STEPS].map(
        (from, step) => html`<li><span class="token kl-${step}" aria-hidden="true">abc</span> from ${from} nats</li>`,
      )}
    </ul>
    <details>
      <summary>All tokens as a table</summary>
      ${tableView(tokenTable(tokens))}
    </details>
  </section>`;
}

/** Which of the colours a divergence has. */
function stepOf(kl: number): number {
  return STEPS.filter((step) => kl >= step).length;
}

function nats(kl: number): string {
  return `${kl === 0 ? '0' : kl < 1e-4 ? kl.toExponential(1) : kl.toPrecision(3)} nats`;
}

/** White space is to be seen. */
function shown(text: string): string {
  return text.replaceAll('\n', '↵').replaceAll('\t', '⇥') || '␣';
}

function percent(probability: number): string {
  return `${(100 * probability).toFixed(1)} %`;
}

function aboutToken(token: ComparedToken, index: number): TemplateResult {
  const { text, kl, first, second, agrees } = token;
  return html`Token ${index + 1}, <strong>${shown(text)}</strong>: divergence ${nats(kl)}. The first model gave it
    ${percent(first)}, the second ${percent(second)};
    ${agrees ? 'both hold the same token for the likeliest.' : 'the second holds another token for the likeliest.'}`;
}

function tokenTable(tokens: readonly ComparedToken[]): Table {
  return {
    title: 'Tokens of the first answer',
    columns: ['what', 'divergence', 'first', 'second', 'same likeliest'],
    rows: tokens.map(({ text, kl, first, second, agrees }) => ({
      cells: [shown(text), nats(kl), percent(first), percent(second), agrees ? 'yes' : 'no'],
      ratio: null,
    })),
  };
}
