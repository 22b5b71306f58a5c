import { approximate } from '../../model/cost/approximation.ts';
import { type CostSettings, modelCost } from '../../model/cost/model-cost.ts';
import { decodeWork, prefillWork, type Work } from '../../model/cost/work.ts';
import { cacheRowBytes } from '../../kernels/attention/kv-cache.ts';
import { rowBytes } from '../../weights/layout.ts';
import { planTensors } from '../../weights/package-writer.ts';
import { type Chart, rounded, type Series, tokensText } from '../chart.ts';
import type { ShapeName } from '../shapes.ts';
import { runWith } from './measured.ts';
import { type PlanModel, shapeModel } from './request.ts';

// A hybrid against a transformer of its size, over the length of the context and the size of the batch.

const HYBRID = 'bamba-9b' satisfies ShapeName;
const TRANSFORMER = 'llama-3.1-8b' satisfies ShapeName;

/** Powers of two from 1K to 1M. */
export const CONTEXTS: readonly number[] = Array.from({ length: 11 }, (_, power) => 1024 * 2 ** power);
/** Sizes of a batch. */
export const BATCHES = [1, 4, 16, 64] as const;

type Settings = Pick<CostSettings, 'scheme' | 'cacheType' | 'rates'>;

/** The charts for these settings. Those of speed have what was measured in the same scheme, if anything was. */
export function compareCharts(settings: Settings): Chart[] {
  const pair = { hybrid: shapeModel(HYBRID), transformer: shapeModel(TRANSFORMER) };
  return [computeChart(pair, settings), memoryChart(pair, settings), ...speedCharts(pair, settings)];
}

interface Pair {
  hybrid: PlanModel;
  transformer: PlanModel;
}

function ratioOver(
  { hybrid, transformer }: Pair,
  value: (model: PlanModel, tokens: number) => number,
): Series['points'] {
  return CONTEXTS.map((x) => ({ x, y: value(transformer, x) / value(hybrid, x) }));
}

function computeChart(pair: Pair, { scheme, cacheType }: Settings): Chart {
  const counted = ratioOver(pair, ({ architecture, specs }, tokens) => {
    // Operations do not depend on how a prompt is cut.
    const shape = { tokens, chunkTokens: tokens, cacheType };
    return prefillWork(architecture, planTensors(specs, scheme), shape).flops;
  });
  const approximated = ratioOver(pair, ({ architecture }, tokens) => {
    return approximate(architecture, { batch: 1, tokens })!.prefillFlops;
  });
  const [first, last] = [counted[0]!.y, counted.at(-1)!.y];
  return {
    id: 'compute',
    title: 'Reading a prompt: operations of Llama-3.1-8B over those of Bamba-9B',
    description:
      `At 1K tokens the transformer does ${times(first)} the operations of the hybrid, at 1M tokens ${times(last)}. ` +
      'The size of the batch does not matter. The approximation runs beside the count.',
    unit: 'times',
    series: [
      { name: 'counted', of: 'hybrid', kind: 'counted', points: counted },
      { name: 'approximated', of: 'hybrid', kind: 'approximated', points: approximated },
    ],
  };
}

/** Bytes that decoding works over: weights, states, keys and values. */
function touched({ weights, state, keysAndValues }: Omit<Work, 'flops'>): number {
  return weights + state + keysAndValues;
}

function memoryChart(pair: Pair, settings: Settings): Chart {
  const { scheme, cacheType } = settings;
  const series = BATCHES.flatMap((batch): Series[] => {
    const counted = ratioOver(pair, ({ architecture, specs }, position) => {
      return touched(decodeWork(architecture, planTensors(specs, scheme), { position, cacheType, batch }));
    });
    const approximated = ratioOver(pair, (model, tokens) => touched(approximateBytes(model, settings, batch, tokens)));
    return [
      { name: `batch ${batch}`, of: batch, kind: 'counted', points: counted },
      { name: `batch ${batch}, approximated`, of: batch, kind: 'approximated', points: approximated },
    ];
  });
  const last = (index: number) => times(series[index]!.points.at(-1)!.y);
  return {
    id: 'memory',
    title: 'Decoding a token: memory of Llama-3.1-8B over that of Bamba-9B',
    description:
      `Weights, states, keys and values, by tokens in the context. At 1M tokens the transformer takes ${last(0)} the ` +
      `memory of the hybrid for one sequence, and ${last(series.length - 2)} for ${BATCHES.at(-1)} together.`,
    unit: 'times',
    series,
  };
}

/** The approximation in bytes: each number in what it is stored as, and of states in 16 bits, see `Approximation`. */
export function approximateBytes(
  { architecture }: PlanModel,
  { scheme, cacheType }: Pick<CostSettings, 'scheme' | 'cacheType'>,
  batch: number,
  tokens: number,
): Omit<Work, 'flops'> {
  const { weights, state, keysAndValues } = approximate(architecture, { batch, tokens })!;
  const columns = architecture.hiddenSize;
  const { headDim } = architecture.attention!;
  return {
    weights: (weights * rowBytes(scheme, columns)) / columns,
    state: 2 * state,
    keysAndValues: (keysAndValues * cacheRowBytes(cacheType, headDim)) / headDim,
  };
}

function speedCharts(pair: Pair, settings: Settings): Chart[] {
  const { scheme, cacheType, rates } = settings;
  const run = runWith(rates);
  const models = [
    { of: 'hybrid', shape: HYBRID, model: pair.hybrid },
    { of: 'transformer', shape: TRANSFORMER, model: pair.transformer },
  ] as const;
  const chart = (pass: 'decode' | 'prefill', contexts: readonly number[]): Series[] =>
    models.flatMap(({ of, shape, model }): Series[] => {
      const points = contexts.map((x) => ({ x, y: speedOf(model, { ...settings, context: x, batch: 1 }, pass) }));
      const found = run?.cacheType === cacheType ? run[pass] : [];
      const known = found.filter((one) => one.shape === shape && one.scheme === scheme);
      const at = known.map(({ tokens: x, tokensPerS: y }) => ({ x, y }));
      const line: Series = { name: `${model.name}, predicted`, of, kind: 'counted', points };
      return at.length === 0 ? [line] : [line, { name: `${model.name}, measured`, of, kind: 'measured', points: at }];
    });
  const where = run ? `Points were measured on an ${run.gpu}, ${run.day}.` : '';
  const decode = chart('decode', [16, 64, 256, ...CONTEXTS]);
  const prefill = chart('prefill', [256, 512, ...CONTEXTS]);
  const about = (series: readonly Series[]) => {
    const ends = series
      .filter(({ kind }) => kind === 'counted')
      .map(({ name, points }) => `${name}: ${courseOf(points)}.`);
    return [...ends, ...(series.some(({ kind }) => kind === 'measured') ? [where] : [])].join(' ');
  };
  return [
    {
      id: 'decode',
      title: 'Answering: tokens a second of one sequence',
      description: about(decode),
      unit: 'tokens/s',
      series: decode,
    },
    {
      id: 'prefill',
      title: 'Reading a prompt: tokens a second',
      description: about(prefill),
      unit: 'tokens/s',
      series: prefill,
    },
  ];
}

function speedOf({ architecture, specs }: PlanModel, settings: CostSettings, pass: 'decode' | 'prefill'): number {
  return modelCost(architecture, specs, settings)[pass].tokensPerS;
}

function courseOf(points: Series['points']): string {
  const [first, last] = [points[0]!, points.at(-1)!];
  return `${rounded(first.y)} tokens a second at ${tokensText(first.x)} tokens, ${rounded(last.y)} at ${tokensText(last.x)}`;
}

function times(ratio: number): string {
  return `${rounded(ratio)} times`;
}
