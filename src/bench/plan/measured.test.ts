import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { modelCost } from '../../model/cost/model-cost.ts';
import { calibrationOf, MEASURED_RUNS, type MeasuredRun, type MeasuredSpeed, ratesOfRun } from './measured.ts';
import { number } from '../report.ts';
import { SHAPE_TITLES, shapeModel } from './request.ts';

const read = (file: string) => readFileSync(join(import.meta.dirname, '../../../docs', file), 'utf8');

/** Cells of the rows of a document's tables, by what the first cell begins with. */
function rowsOf(document: string): string[][] {
  const lines = document.split('\n').filter((line) => line.startsWith('|'));
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const nameOf = ({ shape, scheme }: MeasuredSpeed) => `${SHAPE_TITLES[shape]}, \`${scheme}\``;
const figure = (value: number) => value.toLocaleString('en');

const costOf = (run: MeasuredRun, { shape, scheme, tokens: context }: MeasuredSpeed) => {
  const { architecture, specs } = shapeModel(shape);
  return modelCost(architecture, specs, {
    scheme,
    cacheType: run.cacheType,
    context,
    batch: 1,
    rates: ratesOfRun(run),
  });
};
const cases = (runs: readonly MeasuredRun[], pass: 'decode' | 'prefill') =>
  runs.flatMap((run) =>
    run[pass].map((speed) => ({ run, speed, name: `${nameOf(speed)} at ${speed.tokens} on ${run.gpu}` })),
  );

describe('what was measured', () => {
  const rows = rowsOf(read('PERFORMANCE.md'));
  const [first] = MEASURED_RUNS;

  it.each(cases([first], 'decode'))('of answers is what the document says: $name', ({ speed }) => {
    const found = rows.find(([name, context]) => name === nameOf(speed) && context === figure(speed.tokens));
    expect(found?.[2]).toBe(figure(speed.tokensPerS));
  });

  it.each(cases([first], 'prefill'))('of prompts is what the document says: $name', ({ speed }) => {
    const found = rows.find(([name]) => name === `${nameOf(speed)}, products in f32`);
    expect(found?.[speed.tokens === 512 ? 1 : 2]).toBe(figure(speed.tokensPerS));
  });
});

describe('what is predicted', () => {
  it.each(MEASURED_RUNS)('is what was measured where the start of kernels was found from: $gpu', (run) => {
    const calibration = calibrationOf(run);
    expect(costOf(run, calibration).decode.seconds.total * calibration.tokensPerS).toBeCloseTo(1, 9);
  });

  // What is further off than a fifth, the document says the reason of.
  const documented = rowsOf(read('COST.md'));
  const rowOf = ({ gpu }: MeasuredRun, speed: MeasuredSpeed, pass: string) =>
    documented.find(
      ([where, name, tokens]) =>
        where === gpu.replace('NVIDIA ', '') && name === `${nameOf(speed)}${pass}` && tokens === figure(speed.tokens),
    );
  const expectRow = (row: string[] | undefined, measured: number, predicted: number) => {
    const off = Math.round(100 * (measured / predicted - 1));
    expect(row?.slice(3, 6)).toEqual([figure(measured), number(predicted), `${off} %`]);
    if (Math.abs(off) > 20) expect(row?.[6]).toMatch(/\w{4,}/);
  };

  it.each(cases(MEASURED_RUNS, 'decode'))('of answers stands in the document: $name', ({ run, speed }) => {
    expectRow(rowOf(run, speed, ''), speed.tokensPerS, costOf(run, speed).decode.tokensPerS);
  });

  it.each(cases(MEASURED_RUNS, 'prefill'))('of prompts stands in the document: $name', ({ run, speed }) => {
    expectRow(rowOf(run, speed, ', prompt'), speed.tokensPerS, costOf(run, speed).prefill.tokensPerS);
  });
});
