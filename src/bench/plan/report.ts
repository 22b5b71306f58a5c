import { approximate } from '../../model/cost/approximation.ts';
import { type CostSettings, type ModelCost, type PassCost } from '../../model/cost/model-cost.ts';
import { type Bottleneck, BOTTLENECKS, type Rates } from '../../model/cost/seconds.ts';
import { bytes, number, type Section, type Table, time } from '../report.ts';
import { rounded } from '../chart.ts';
import { approximateBytes } from './charts.ts';
import { runWith } from './measured.ts';
import type { PlanModel } from './request.ts';

// A model's cost as tables of text: what the page shows and what the command prints.

/** What time goes into, in words. */
export const PART_NAMES: Readonly<Record<Bottleneck, string>> = {
  weights: 'reading weights',
  state: 'states, read and written',
  keysAndValues: 'reading keys and values',
  arithmetic: 'arithmetic',
  starts: 'starting kernels',
};

/** The report on a model. */
export function planSections(model: PlanModel, settings: CostSettings, cost: ModelCost): Section[] {
  const { architecture, name } = model;
  const { context, batch, scheme, cacheType, rates } = settings;
  const facts = [
    `${parametersText(cost.parameters)} parameters; weights of ${scheme}, keys and values of ${cacheType}`,
    `by the rates of ${runWith(rates)?.gpu ?? 'this adapter'}: ${ratesText(rates)}`,
    ...notes(architecture.maxPositions, settings),
  ];
  return [
    {
      title: `${name}: ${integer(context)} tokens${batch > 1 ? `, ${batch} sequences` : ''}`,
      facts,
      tables: [memoryTable(cost), workTable(cost), timeTable(cost), ...approximationTables(model, settings, cost)],
    },
  ];
}

/** What limits the figures of these settings, sentences. */
export function notes(maxPositions: number, { context, batch }: CostSettings): string[] {
  return [
    ...(context > maxPositions
      ? [`The model is made for ${integer(maxPositions)} tokens: beyond them its answers lose their sense.`]
      : []),
    ...(batch > 1 ? ['Of a batch, each step reads the weights once for all sequences.'] : []),
  ];
}

function memoryTable({ memory }: ModelCost): Table {
  const rows: [string, number][] = [
    ['weights', memory.weights],
    ['states that do not grow', memory.state],
    ['keys and values', memory.keysAndValues],
    ['between kernels', memory.working],
    ['in all', memory.total],
  ];
  return table(
    'GPU memory',
    ['what', 'bytes'],
    rows.map(([what, count]) => [what, bytes(count)]),
  );
}

const PASSES = ['what', 'the prompts', 'a token of each'];

function workTable({ prefill, decode }: ModelCost): Table {
  const row = (what: string, value: (pass: PassCost) => string) => [what, value(prefill), value(decode)];
  return table('What has to be done at least', PASSES, [
    row('weights read', ({ work }) => bytes(work.weights)),
    row('states, read and written', ({ work }) => bytes(2 * work.state)),
    row('keys and values read', ({ work }) => bytes(work.keysAndValues)),
    row('operations', ({ work }) => operations(work.flops)),
    row('kernels', ({ dispatches }) => integer(dispatches)),
  ]);
}

function timeTable({ prefill, decode }: ModelCost): Table {
  const row = (what: string, value: (pass: PassCost) => string) => [what, value(prefill), value(decode)];
  return table('Predicted time', PASSES, [
    ...BOTTLENECKS.map((part) => row(PART_NAMES[part], ({ seconds }) => time(seconds[part]))),
    row('in all', ({ seconds }) => time(seconds.total)),
    row('tokens/s', ({ tokensPerS }) => number(tokensPerS)),
    row('most of it', ({ bottleneck }) => PART_NAMES[bottleneck]),
  ]);
}

function approximationTables(model: PlanModel, settings: CostSettings, { prefill, decode }: ModelCost): Table[] {
  const { batch, context: tokens } = settings;
  const rough = approximate(model.architecture, { batch, tokens });
  if (!rough) return [];
  const roughBytes = approximateBytes(model, settings, batch, tokens);
  const rows: [string, number, number, (value: number) => string][] = [
    ['operations of the prompts', prefill.work.flops, rough.prefillFlops, operations],
    ['operations of a token of each', decode.work.flops, rough.decodeFlops, operations],
    ['weights', decode.work.weights, roughBytes.weights, bytes],
    ...(roughBytes.state > 0
      ? [['states', decode.work.state, roughBytes.state, bytes] satisfies [string, number, number, typeof bytes]]
      : []),
    ['keys and values', decode.work.keysAndValues, roughBytes.keysAndValues, bytes],
  ];
  return [
    table(
      'Counted from the tensors, and approximated from width and number of blocks',
      ['what', 'counted', 'approximated', 'approximated over counted'],
      rows.map(([what, exact, about, text]) => [what, text(exact), text(about), (about / exact).toFixed(2)]),
    ),
  ];
}

function table(title: string, columns: string[], rows: string[][]): Table {
  return { title, columns, rows: rows.map((cells) => ({ cells, ratio: null })) };
}

/** Such as `9.78 billion`. */
export function parametersText(count: number): string {
  return count >= 1e9 ? `${(count / 1e9).toFixed(2)} billion` : `${(count / 1e6).toFixed(1)} million`;
}

/** Such as `3,000 GB/s, 45.6 TFLOP/s, 5.2 µs to start a kernel`. */
export function ratesText({ readBytesPerS, flopsPerS, startS }: Rates): string {
  const gigabytes = rounded(readBytesPerS / 1e9);
  return `${gigabytes} GB/s read, ${rounded(flopsPerS / 1e12)} TFLOP/s in f32, ${time(startS)} to start a kernel`;
}

function operations(count: number): string {
  const units: [number, string][] = [
    [1e15, 'P'],
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
  ];
  const [size, unit] = units.find(([least]) => count >= least) ?? [1, ''];
  return `${number(count / size)} ${unit}FLOP`;
}

function integer(value: number): string {
  return value.toLocaleString('en');
}
