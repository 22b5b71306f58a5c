import { html, svg, type TemplateResult } from 'lit';
import type { Chart } from '../bench/chart.ts';
import { notes, parametersText, PART_NAMES, planSections } from '../bench/plan/report.ts';
import type { CostSettings, ModelCost, PassCost, PlanModel } from '../bench/plan/request.ts';
import { bytes, number, time } from '../bench/report.ts';
import { tableView } from './bench-view.ts';
import { chartView } from './plan-chart.ts';

/** A part of something, such as memory: its bar has the colour of the name. */
interface Part {
  name: string;
  colour: string;
  value: number;
  text: string;
}

/** What a model costs: the figures that matter, where they come from, and all of them as tables. */
export function costView(model: PlanModel, settings: CostSettings, cost: ModelCost): TemplateResult {
  const { context, batch } = settings;
  const { prefill, decode, memory, parameters } = cost;
  const [section] = planSections(model, settings, cost);
  const many = batch > 1;
  return html`<section aria-labelledby="cost-title">
    <h2 id="cost-title">${section!.title}</h2>
    ${notes(model.architecture.maxPositions, settings).map((note) => html`<p class="fact">${note}</p>`)}
    <dl class="figures">
      ${figure('Parameters', parametersText(parameters), `${bytes(memory.weights)} in ${settings.scheme}`)}
      ${figure('GPU memory', bytes(memory.total), 'weights, states, keys and values, and between kernels')}
      ${figure('Answers', `${number(decode.tokensPerS)} tokens/s`, spent(decode, many ? 'of all sequences together' : ''))}
      ${figure('Prompts', `${number(prefill.tokensPerS)} tokens/s`, spent(prefill, `first token after ${time(prefill.seconds.total / batch)}`))}
    </dl>
    <div class="bars">
      ${barView('GPU memory', bytes(memory.total), memoryParts(cost))}
      ${barView(`A token behind ${context.toLocaleString('en')}`, time(decode.seconds.total), timeParts(decode))}
    </div>
    <details>
      <summary>All figures, beside the approximation</summary>
      <div class="tables">${section!.tables.map(tableView)}</div>
    </details>
  </section>`;
}

function figure(name: string, value: string, more: string): TemplateResult {
  return html`<div>
    <dt>${name}</dt>
    <dd class="value">${value}</dd>
    <dd class="more">${more}</dd>
  </div>`;
}

function spent({ bottleneck, seconds }: PassCost, more: string): string {
  const share = Math.round((100 * seconds[bottleneck]) / seconds.total);
  return [`${share} % ${PART_NAMES[bottleneck]}`, ...(more ? [more] : [])].join('; ');
}

function memoryParts({ memory }: ModelCost): Part[] {
  const parts = [
    ['weights', 'weights', memory.weights],
    ['states', 'state', memory.state],
    ['keys and values', 'keys', memory.keysAndValues],
    ['between kernels', 'starts', memory.working],
  ] as const;
  return parts.map(([name, colour, value]) => ({ name, colour, value, text: bytes(value) }));
}

function timeParts({ seconds }: PassCost): Part[] {
  const parts = [
    ['weights', 'weights'],
    ['state', 'state'],
    ['keysAndValues', 'keys'],
    ['arithmetic', 'arithmetic'],
    ['starts', 'starts'],
  ] as const;
  return parts.map(([part, colour]) => ({
    name: PART_NAMES[part],
    colour,
    value: seconds[part],
    text: time(seconds[part]),
  }));
}

/** A bar of parts; the list below says the same in words. */
function barView(title: string, total: string, parts: readonly Part[]): TemplateResult {
  const sum = parts.reduce((all, { value }) => all + value, 0);
  const shown = parts.filter(({ value }) => value > 0);
  let from = 0;
  const rectangles = shown.map(({ value, colour }) => {
    const [x, width] = [from, (100 * value) / sum];
    from += width;
    return svg`<rect class="part-${colour}" x=${x} width=${width} height="10" />`;
  });
  return html`<div>
    <h3>${title} <span>${total}</span></h3>
    <svg class="stack" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">${rectangles}</svg>
    <ul class="parts">
      ${shown.map(
        ({ name, colour, text }) =>
          html`<li>
            <svg width="10" height="10" aria-hidden="true">
              <rect class="part-${colour}" width="10" height="10" rx="2" />
            </svg>
            <span>${name}</span> <span class="text">${text}</span>
          </li>`,
      )}
    </ul>
  </div>`;
}

/** A hybrid against a transformer. */
export function compareView(charts: readonly Chart[]): TemplateResult {
  return html`<section aria-labelledby="compare-title">
    <h2 id="compare-title">Bamba-9B against Llama-3.1-8B</h2>
    <p class="fact">
      Attention pays for every token before, in arithmetic and in memory. Of Bamba’s 32 blocks three do, of Llama’s 32
      all. Solid lines are counted from the tensors; dashed ones are the approximation by width and number of blocks.
    </p>
    <div class="charts">${charts.map(chartView)}</div>
  </section>`;
}
