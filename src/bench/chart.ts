import type { Table } from './report.ts';

// Charts over the number of tokens, as plain data: what pages draw and what commands print.

/** A line or points of a chart. */
export interface Series {
  name: string;
  /** Whose it is, of how many sequences, or where in a text: what its colour says. */
  of: 'hybrid' | 'transformer' | 'any' | 1 | 4 | 16 | 64 | 'begin' | 'middle' | 'end';
  kind: 'counted' | 'approximated' | 'measured';
  points: readonly { x: number; y: number }[];
}

/** A chart over the number of tokens. */
export interface Chart {
  id: string;
  title: string;
  /** What is to be seen, for who does not see it. */
  description: string;
  /** What the vertical axis counts. A `share` goes from 0 to 1. */
  unit: string;
  series: readonly Series[];
}

/** A chart as a table: a row for each number of tokens. */
export function chartTable({ title, unit, series }: Chart): Table {
  const places = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].toSorted((a, b) => a - b);
  const cell = (points: Series['points'], x: number) => {
    const point = points.find((one) => one.x === x);
    return point ? rounded(point.y) : '';
  };
  return {
    title: `${title} (${unit})`,
    columns: ['tokens', ...series.map(({ name }) => name)],
    rows: places.map((x) => ({
      cells: [tokensText(x), ...series.map(({ points }) => cell(points, x))],
      ratio: null,
    })),
  };
}

/** A number of three digits. */
export function rounded(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en');
}

/** `16`, `1K`, `1M`. */
export function tokensText(tokens: number): string {
  if (tokens >= 2 ** 20) return `${tokens / 2 ** 20}M`;
  return tokens >= 1024 ? `${Number((tokens / 1024).toPrecision(3))}K` : `${tokens}`;
}
