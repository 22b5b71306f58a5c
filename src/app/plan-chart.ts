import { html, svg, type TemplateResult } from 'lit';
import { type Chart, chartTable, rounded, type Series, tokensText } from '../bench/chart.ts';
import { tableView } from './bench-view.ts';

// A chart as an SVG of its own, with the same figures as a table behind it. Tokens are on a logarithmic axis; speeds, too.

const WIDTH = 400;
const HEIGHT = 270;
const PLOT = { left: 46, right: WIDTH - 12, top: 24, bottom: HEIGHT - 38 };

/** Left and right of what is drawn, where points lie beside each other. */
const MARGIN = 8;

/** Where a value lies on an axis. */
type Scale = (value: number) => number;

interface Axis {
  scale: Scale;
  ticks: readonly number[];
}

/** Each line has a dashed one of its colour: one entry stands for them all. */
const APPROXIMATED: Series = { name: 'approximated', of: 'any', kind: 'approximated', points: [] };

/** A chart with its legend and its table. */
export function chartView(chart: Chart): TemplateResult {
  const { id, title, description, series, unit } = chart;
  const points = series.flatMap((one) => one.points);
  const x = tokensAxis(points.map((point) => point.x));
  const y = verticalAxis(
    unit,
    points.map((point) => point.y),
  );
  // Measured points lie above all lines.
  const drawn = series.toSorted((one, other) => order(one) - order(other));
  return html`<figure>
    <figcaption>${title}</figcaption>
    <svg
      class="chart"
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      role="img"
      aria-labelledby="${id}-title"
      aria-describedby="${id}-description"
    >
      <title id="${id}-title">${title}</title>
      <desc id="${id}-description">${description}</desc>
      ${y.ticks.map((tick) => horizontal(tick, y.scale, unit))} ${x.ticks.map((tick) => vertical(tick, x.scale))}
      <text class="axis" x="4" y="12">${unit}</text>
      <text class="axis end" x=${PLOT.right} y=${HEIGHT - 6}>tokens</text>
      ${drawn.map((one) => seriesView(one, x.scale, y.scale))}
    </svg>
    <ul class="legend">
      ${series.filter(({ kind }) => kind !== 'approximated').map(legendView)}
      ${series.some(({ kind }) => kind === 'approximated') ? legendView(APPROXIMATED) : ''}
    </ul>
    <p class="fact">${description}</p>
    <details>
      <summary>The figures as a table</summary>
      ${tableView(chartTable(chart))}
    </details>
  </figure>`;
}

function order({ kind }: Series): number {
  return ['approximated', 'counted', 'measured'].indexOf(kind);
}

function classOf({ of, kind }: Series): string {
  return `series ${kind} of-${of}`;
}

function seriesView(series: Series, x: Scale, y: Scale): TemplateResult {
  const at = series.points.map((point) => [x(point.x), y(point.y)] as const);
  if (series.kind === 'measured') {
    return svg`<g class=${classOf(series)}>${at.map(([cx, cy]) => svg`<circle cx=${cx} cy=${cy} r="4.5" />`)}</g>`;
  }
  const path = at.map(([px, py], index) => `${index === 0 ? 'M' : 'L'}${px.toFixed(1)} ${py.toFixed(1)}`).join('');
  return svg`<path class=${classOf(series)} d=${path} />`;
}

function legendView(series: Series): TemplateResult {
  const sign =
    series.kind === 'measured'
      ? svg`<g class=${classOf(series)}><circle cx="12" cy="5" r="4" /></g>`
      : svg`<path class=${classOf(series)} d="M1 5H23" />`;
  return html`<li><svg width="24" height="10" viewBox="0 0 24 10" aria-hidden="true">${sign}</svg>${series.name}</li>`;
}

function horizontal(tick: number, scale: Scale, unit: string): TemplateResult {
  const at = scale(tick);
  const isEven = unit === 'times' && tick === 1;
  return svg`<path class="grid ${isEven ? 'even' : ''}" d=${`M${PLOT.left} ${at}H${PLOT.right}`} />
    <text class="tick end" x=${PLOT.left - 6} y=${at + 4}>${rounded(tick)}</text>`;
}

function vertical(tick: number, scale: Scale): TemplateResult {
  const at = scale(tick);
  return svg`<path class="grid" d=${`M${at} ${PLOT.top}V${PLOT.bottom}`} />
    <text class="tick middle" x=${at} y=${PLOT.bottom + 16}>${tokensText(tick)}</text>`;
}

function tokensAxis(values: readonly number[]): Axis {
  const [least, most] = [Math.log2(Math.min(...values)), Math.log2(Math.max(...values))];
  const [begin, end] = [PLOT.left + MARGIN, PLOT.right - MARGIN];
  // One number of tokens alone stands in the middle.
  if (least === most) return { scale: () => (begin + end) / 2, ticks: [values[0]!] };
  const scale = (value: number) => begin + ((Math.log2(value) - least) / (most - least)) * (end - begin);
  const ticks: number[] = [];
  for (let power = Math.ceil(least); power <= most; power += most - least > 6 ? 2 : 1) ticks.push(2 ** power);
  return { scale, ticks };
}

function verticalAxis(unit: string, values: readonly number[]): Axis {
  if (unit === 'share') return { scale: rise, ticks: [0, 0.25, 0.5, 0.75, 1] };
  return unit === 'times' ? linearAxis(values) : logAxis(values);
}

const rise = (share: number) => PLOT.bottom - share * (PLOT.bottom - PLOT.top);

function linearAxis(values: readonly number[]): Axis {
  const most = Math.max(...values);
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  // 1 is on every axis of ratios.
  const step = [1, 2, 5, 10].map((size) => size * power).find((size) => size >= rough) ?? rough;
  const top = Math.ceil(most / step) * step;
  const scale = (value: number) => rise(value / top);
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step);
  // A label takes some 12 units.
  const apart = ticks.filter((tick) => Math.abs(scale(tick) - scale(1)) > 12);
  return { scale, ticks: [1, ...apart] };
}

function logAxis(values: readonly number[]): Axis {
  const sizes = [1, 2, 5];
  const steps = Array.from({ length: 60 }, (_, index) => sizes[index % 3]! * 10 ** (Math.floor(index / 3) - 6));
  const least = steps.findLast((step) => step <= Math.min(...values)) ?? Math.min(...values);
  const most = steps.find((step) => step >= Math.max(...values)) ?? Math.max(...values);
  const within = steps.filter((step) => step >= least && step <= most);
  const tens = within.filter((step) => Number.isInteger(Math.round(Math.log10(step) * 1e6) / 1e6));
  const scale = (value: number) => rise(Math.log(value / least) / Math.log(most / least));
  return { scale, ticks: within.length > 8 ? tens : within };
}
