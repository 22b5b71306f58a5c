import type { EngineInfo } from '../engine/protocol.ts';
import { adapterName } from '../engine/loading/adapter-name.ts';
import { chartTable } from '../bench/chart.ts';
import { bytes, type Section, type Table, time } from '../bench/report.ts';
import type { Metric } from './metrics.ts';
import type { EvaluationProgress, WorkResult } from './evaluate.ts';

/** An evaluation as JSON. */
export interface EvaluationResult {
  model: Pick<EngineInfo['model'], 'name' | 'parameters' | 'scheme' | 'bytes' | 'contextLength'>;
  adapter: EngineInfo['adapter'];
  /** By the names of tasks and texts: each figure, and its standard error as `NAME_stderr`. */
  results: Record<string, Record<string, number | null>>;
  works: readonly WorkResult[];
}

/** What an evaluation gave, as plain data. */
export function evaluationResult({ model, adapter }: EngineInfo, works: readonly WorkResult[]): EvaluationResult {
  const { name, parameters, scheme, bytes: size, contextLength } = model;
  const figures = (metrics: readonly Metric[]) =>
    Object.fromEntries(
      metrics.flatMap((metric): [string, number | null][] => [
        [metric.name, metric.value],
        [`${metric.name}_stderr`, metric.stderr],
      ]),
    );
  return {
    model: { name, parameters, scheme, bytes: size, contextLength },
    adapter,
    results: Object.fromEntries(works.map((work) => [work.name, figures(work.metrics)])),
    works,
  };
}

/** An evaluation as tables: what the page shows and what the command prints. */
export function evaluationSections({ model, adapter }: EngineInfo, works: readonly WorkResult[]): Section[] {
  return [
    {
      title: `${model.name} in ${model.scheme}`,
      facts: [`${bytes(model.bytes)} of weights; ${adapterName(adapter)}`],
      tables: [],
    },
    ...works.map(workSection),
  ];
}

/** What a work gave, as tables. */
export function workSection({ name, facts, metrics, charts = [] }: WorkResult): Section {
  return { title: name, facts: [...facts], tables: [metricTable(metrics), ...charts.map(chartTable)] };
}

function metricTable(metrics: readonly Metric[]): Table {
  return {
    title: 'Figures',
    columns: ['what', 'value', 'standard error', 'better'],
    rows: metrics.map(({ name, value, stderr, higherIsBetter }) => ({
      cells: [name, figure(value), stderr === null ? '' : `± ${figure(stderr)}`, higherIsBetter ? 'higher' : 'lower'],
      ratio: null,
    })),
  };
}

function figure(value: number): string {
  const size = Math.abs(value);
  return size === 0 || (size >= 1e-3 && size < 1e5) ? value.toFixed(size < 1 ? 5 : 4) : value.toExponential(4);
}

/** How far an evaluation is, in a sentence. */
export function progressText({ done, total, name, secondsLeft }: EvaluationProgress): string {
  const left = secondsLeft === Infinity ? '' : `; about ${time(Math.max(1, secondsLeft))} left`;
  return `${name}: ${done} of ${total}${left}`;
}
