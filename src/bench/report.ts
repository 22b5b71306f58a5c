import { adapterName } from '../engine/loading/adapter-name.ts';
import type { TuningReport } from '../model/tuning.ts';
import type { Ceilings } from './ceilings.ts';
import type { LookupSpeed } from './lookup.ts';
import type { Profile } from './profile.ts';
import type { BenchResult, ModelFailure, ModelResult } from './result.ts';

// A result as tables of text: what the page shows and what the command prints.

/** A table; `ratio` is the last column as a number where it is one, to be drawn. */
export interface Table {
  title: string;
  columns: string[];
  rows: { cells: string[]; ratio: number | null }[];
}

/** What was measured of one model, or of the adapter. */
export interface Section {
  title: string;
  facts: string[];
  tables: Table[];
}

/** All sections of a result: first the adapter, then the models. */
export function sections(result: BenchResult): Section[] {
  return [adapterSection(result), ...result.models.map(modelSection)];
}

/** Sections as plain text. */
export function textReport(report: readonly Section[]): string {
  const parts = report.map(({ title, facts, tables }) =>
    [title, ...facts.map((fact) => `  ${fact}`), ...tables.map(textTable)].join('\n'),
  );
  return `${parts.join('\n\n')}\n`;
}

function adapterSection({ adapter, userAgent, features, ceilings, options }: BenchResult): Section {
  const browser = /(?:Firefox|Chrome|Version)\/[\d.]+/.exec(userAgent)?.[0] ?? userAgent;
  const known = ['shader-f16', 'subgroups'].map((name) => `${features.includes(name) ? '' : 'no '}${name}`);
  return {
    title: [adapterName(adapter, userAgent), browser].join(' · '),
    facts: [
      `${known.join(', ')}; kernels timed by the ${ceilings.clock === 'gpu' ? "GPU's" : "host's"} clock`,
      ...(options.quick ? ['Quick run: it shows that everything runs; its figures mean little.'] : []),
    ],
    tables: [ceilingTable(ceilings)],
  };
}

function ceilingTable(ceilings: Ceilings): Table {
  const rows: [string, string][] = [
    ['read (int8 matvec)', rate(ceilings.readBytesPerS, 'B/s')],
    ['copy (read and written)', rate(ceilings.copyBytesPerS, 'B/s')],
    ['f32 multiply-adds', rate(ceilings.f32FlopsPerS, 'FLOP/s')],
    ['f16 multiply-adds', ceilings.f16FlopsPerS === null ? 'no shader-f16' : rate(ceilings.f16FlopsPerS, 'FLOP/s')],
    ['int8 dot products', rate(ceilings.int8OpsPerS, 'OP/s')],
    ['a dispatch after another', time(ceilings.dispatchS)],
    ['submit and wait', time(ceilings.emptySubmitS)],
  ];
  return {
    title: `Ceilings, measured in this run (matrix of ${bytes(ceilings.matrixBytes)})`,
    columns: ['what', 'at best'],
    rows: rows.map((cells) => ({ cells, ratio: null })),
  };
}

function modelSection(model: ModelResult | ModelFailure): Section {
  if ('error' in model) {
    const tables = modelTables(model.partial);
    return { title: model.name, facts: [`Not measured to the end: ${model.error}`], tables };
  }
  const { gpuBytes, load, prepareS, dispatchesPerToken } = model;
  const facts = [
    `${bytes(gpuBytes.weights)} of weights, ${bytes(gpuBytes.state)} of state, ${bytes(gpuBytes.activations)} between kernels`,
    `${dispatchesPerToken} dispatches a token; pipelines ready in ${time(prepareS)}`,
  ];
  if (load) {
    facts.push(
      `${bytes(load.bytes)} (${load.blocks} blocks) loaded from memory at ${rate(load.bytesPerS, 'B/s')}: ` +
        `on the GPU after ${time(load.uploadSeconds)}, ready after ${time(load.seconds)}`,
    );
  }
  return { title: model.name, facts, tables: modelTables(model) };
}

function modelTables({
  prefill = [],
  decode = [],
  batch = [],
  lookup = [],
  profiles = [],
  tuning = null,
}: Partial<ModelResult>): Table[] {
  const tables: Table[] = [];
  if (tuning) tables.push(tuningTable(tuning));
  if (prefill.length > 0) {
    tables.push({
      title: 'Prefill',
      columns: ['tokens', 'tokens/s', 'time', 'floor', 'of the floor'],
      rows: prefill.map((row) => ({
        cells: [`${row.tokens}`, number(row.tokensPerS), time(row.seconds), time(row.floorS), number(row.floorRatio)],
        ratio: row.floorRatio,
      })),
    });
  }
  if (decode.length > 0) {
    tables.push({
      title: 'Decode',
      columns: ['context', 'tokens/s', 'a token', 'awaited alone', 'reads', 'floor', 'of the floor'],
      rows: decode.map((row) => ({
        cells: [
          `${row.context}`,
          number(row.tokensPerS),
          time(row.secondsPerToken),
          time(row.awaitedSecondsPerToken),
          bytes(row.bytes),
          time(row.floorS),
          number(row.floorRatio),
        ],
        ratio: row.floorRatio,
      })),
    });
  }
  if (batch.length > 0) {
    tables.push({
      title: 'Several sequences at once',
      columns: ['context', 'sequences', 'tokens/s', 'a step', 'dispatches', 'memory', 'reads', 'floor', 'of the floor'],
      rows: batch.map((row) => ({
        cells: [
          `${row.context}`,
          `${row.sequences}`,
          number(row.tokensPerS),
          time(row.secondsPerStep),
          `${row.dispatches}`,
          bytes(row.bytes),
          bytes(row.stepBytes),
          time(row.floorS),
          number(row.floorRatio),
        ],
        ratio: row.floorRatio,
      })),
    });
  }
  if (lookup.length > 0) tables.push(...lookupTables(lookup));
  return [...tables, ...profiles.map(profileTable)];
}

function lookupTables(lookup: readonly LookupSpeed[]): Table[] {
  const answers = lookup.flatMap(({ context, repeating, random }) =>
    Object.entries({ 'one token again and again': repeating, 'random tokens': random }).map(([what, speed]) => ({
      cells: [
        `${context}`,
        what,
        number(1 / speed.without),
        number(1 / speed.lookup),
        number(speed.without / speed.lookup),
      ],
      ratio: null,
    })),
  );
  const steps = lookup.flatMap(({ context, steps: widths, bytes: memory }) =>
    widths.map((row) => ({
      cells: [
        `${context}`,
        `${row.positions}`,
        time(row.secondsPerStep),
        number(row.positions / row.speedUp),
        number(row.speedUp),
        number(row.breakEven),
        bytes(memory),
      ],
      ratio: null,
    })),
  );
  return [
    {
      title: 'Answers with drafts from what was said, tokens/s',
      columns: ['context', 'answer', 'without', 'with', 'times'],
      rows: answers,
    },
    {
      title: 'Steps that verify drafts',
      columns: ['context', 'positions', 'a step', 'single steps', 'all right, times', 'pays from', 'memory'],
      rows: steps,
    },
  ];
}

function tuningTable({ tuning, trials }: TuningReport): Table {
  const kept = {
    matvecSubgroups: 'subgroups of a matvec',
    narrowRows: 'rows of a narrow matrix',
    chunkTokens: 'tokens of a chunk',
  };
  return {
    title: 'Sizes that were tried; those that were kept are used from the next load on',
    columns: ['what', 'size', 'tokens/s', 'kept'],
    rows: trials.map(({ what, value, secondsPerToken }) => ({
      cells: [kept[what], `${value}`, number(1 / secondsPerToken), tuning[what] === value ? 'yes' : ''],
      ratio: null,
    })),
  };
}

function profileTable(profile: Profile): Table {
  const { pass, tokens, sequences, position, seconds, sumSeconds, dispatches, rows } = profile;
  const step = sequences === 1 ? 'a decode step' : `a step of ${sequences} sequences`;
  const what = pass === 'decode' ? step : `a chunk of ${tokens} tokens`;
  return {
    title:
      `Kernels of ${what} at position ${position}: ${time(seconds)} in ${dispatches} dispatches, ` +
      `${time(sumSeconds)} kernel by kernel`,
    columns: ['kernel', 'shape', 'count', 'time', 'share', 'bytes', 'B/s', 'FLOP/s', 'of the ceiling'],
    rows: rows.map((row) => ({
      cells: [
        row.kernel,
        row.shape,
        `${row.count}`,
        time(row.seconds),
        `${((100 * row.seconds) / sumSeconds).toFixed(1)} %`,
        bytes(row.bytes),
        rate(row.bytesPerS, ''),
        row.flops > 0 ? rate(row.flopsPerS, '') : '',
        number(row.shareOfCeiling),
      ],
      ratio: row.shareOfCeiling,
    })),
  };
}

function textTable({ title, columns, rows }: Table): string {
  const lines = [columns, ...rows.map(({ cells }) => cells)];
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const pad = (line: readonly string[]) =>
    line.map((cell, column) =>
      isName(columns, column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    );
  return [`  ${title}`, ...lines.map((line) => `    ${pad(line).join('  ').trimEnd()}`)].join('\n');
}

/** Whether a column has words, which are set to the left, and not numbers. */
export function isName(columns: readonly string[], column: number): boolean {
  return ['what', 'kernel', 'shape'].includes(columns[column] ?? '');
}

/** A number of three digits. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '?';
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

function scaled(value: number, units: readonly [number, string][]): string {
  const [size, unit] = units.find(([least]) => value >= least) ?? units.at(-1)!;
  return `${number(value / size)} ${unit}`;
}

/** A time in the unit that suits it. */
export function time(seconds: number): string {
  return scaled(seconds, [
    [1, 's'],
    [1e-3, 'ms'],
    [1e-6, 'µs'],
  ]);
}

/** A number of bytes in the unit that suits it. */
export function bytes(count: number): string {
  return scaled(count, [
    [1e9, 'GB'],
    [1e6, 'MB'],
    [1e3, 'kB'],
    [1, 'B'],
  ]);
}

function rate(perSecond: number, unit: string): string {
  return scaled(perSecond, [
    [1e12, `T${unit}`],
    [1e9, `G${unit}`],
    [1e6, `M${unit}`],
    [1, unit],
  ]).trimEnd();
}
