import { MARGIN } from './greedy.ts';
import { MOST_STEPS, SPLITS, STARTS } from './passes.ts';
import type { Result, Row } from './verify-folder.ts';

// The findings, for people and for programs.

const ABSENT = 'not in this golden';
const TOO_SHORT = 'too short to split';
const TOO_LARGE = 'too large to judge';

/** The runs and comparisons, in words. */
export const SAMPLED = [
  `Each prompt is run in one piece; in two, cut at ${SPLITS.join(', ')}; in single decode steps from ${STARTS.join(', ')}`,
  `on (up to ${MOST_STEPS} of them, and all from 0); in chunks and steps in turn. Decode steps are held to the golden where`,
  'it has the position, and everywhere to our reference in f64. Schemes but f32 are held to the reference with their own',
  `weights alone. A greedy token counts as decided where its logit leads by ${MARGIN} or more.`,
].join('\n');

const COLUMNS = ['logits', 'hidden', 'states', 'splits', 'decode', 'channels', 'greedy'] as const;
type Column = (typeof COLUMNS)[number];
const WIDTH = { case: 20, dtype: 5, cell: ABSENT.length };

/** The line above the rows. */
export function heading(): string {
  return line('', 'golden', 'dtype', [...COLUMNS]);
}

/** A row for people. */
export function formatRow(row: Row): string {
  if ('fault' in row) return `${line('FAIL', row.case, row.dtype, [])}${row.fault}`;
  const { result } = row;
  const note = result.beyond === null ? '' : `  (beyond the ${result.beyond} positions of its config)`;
  const cells = COLUMNS.map((column) => cell(result, column));
  return line(result.pass ? 'pass' : 'FAIL', row.case, row.dtype, cells) + note;
}

function line(verdict: string, name: string, dtype: string, cells: readonly string[]): string {
  const start = `${verdict.padEnd(4)}  ${name.padEnd(WIDTH.case)}  ${dtype.padEnd(WIDTH.dtype)}  `;
  return (
    start +
    cells
      .map((text) => text.padEnd(WIDTH.cell))
      .join('  ')
      .trimEnd()
  );
}

function cell(result: Result, column: Column): string {
  const { splitsMade, steps, channels, greedy } = result;
  const texts: Record<Column, () => string> = {
    logits: () => error(result.logits),
    hidden: () => error(result.hidden),
    states: () => error(result.states),
    splits: () => (result.splits === null ? TOO_SHORT : `${error(result.splits)} of ${splitsMade}`),
    decode: () => `${error(result.decode)}, ${steps} steps`,
    channels: () => (channels === null ? TOO_LARGE : `${error(channels.worst)} of ${share(channels)}`),
    greedy() {
      if (greedy === null) return ABSENT;
      return greedy.decided === 0 ? `none of ${greedy.tokens} decided` : `${greedy.equal}/${greedy.decided}`;
    },
  };
  return texts[column]();
}

function error(value: number | null): string {
  return value === null ? ABSENT : value.toExponential(1);
}

function share({ judged, channels }: { judged: number; channels: number }): string {
  return `${Math.floor((100 * judged) / channels)} %`;
}

/** How much was checked in all. */
export interface Checked {
  folders: number;
  /** Rows that passed, of all. */
  passed: number;
  rows: number;
  positions: number;
  states: number;
  greedyDecided: number;
  splits: number;
  decodeSteps: number;
}

/** Adds up what the rows checked. */
export function count(rows: readonly Row[]): Checked {
  const results = rows.flatMap((row) => ('result' in row ? [row.result] : []));
  const sum = (of: (result: Result) => number) => results.reduce((total, result) => total + of(result), 0);
  return {
    folders: new Set(rows.map((row) => row.case)).size,
    passed: results.filter(({ pass }) => pass).length,
    rows: rows.length,
    positions: sum(({ positions }) => positions),
    states: sum(({ statesCompared }) => statesCompared),
    greedyDecided: sum(({ greedy }) => greedy?.decided ?? 0),
    splits: sum(({ splitsMade }) => splitsMade),
    decodeSteps: sum(({ steps }) => steps),
  };
}

/** The last line. */
export function summary(checked: Checked): string {
  const { passed, rows, folders, positions, states, greedyDecided, splits, decodeSteps } = checked;
  return (
    `${passed} of ${rows} within tolerance. Checked: ${folders} folders, ${positions} positions, ${states} states, ` +
    `${greedyDecided} greedy tokens decided, ${splits} splits made, ${decodeSteps} decode steps`
  );
}

/** A row for programs: what is not in a golden is said in words, as people read it. */
export function jsonRow(row: Row): object {
  if ('fault' in row) return { ...row, pass: false };
  const { hidden, states, splits, channels, greedy, beyond, ...result } = row.result;
  return {
    case: row.case,
    dtype: row.dtype,
    ...result,
    hidden: hidden ?? ABSENT,
    states: states ?? ABSENT,
    splits: splits ?? TOO_SHORT,
    channels: channels ?? TOO_LARGE,
    greedy: greedy ?? ABSENT,
    ...(beyond !== null && { beyond }),
  };
}
