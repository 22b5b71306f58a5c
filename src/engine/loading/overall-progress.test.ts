import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OverallProgress, type StageProgress } from './overall-progress.ts';

const report = (stage: StageProgress['stage'], loaded: number, total: number, network = true): StageProgress => ({
  stage,
  loaded,
  total,
  source: network ? 'network' : 'storage',
  bytesPerSecond: 0,
  secondsLeft: Infinity,
});

/** Shares after each report. */
const shares = (reports: readonly StageProgress[]): number[] => {
  const overall = new OverallProgress();
  return reports.map((one) => overall.after(one));
};

const anyReport = fc
  .tuple(
    fc.constantFrom('manifest', 'waiting', 'weights', 'compile'),
    fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e13, noNaN: true })),
    fc.oneof(fc.constant(0), fc.nat(), fc.double({ min: 0, max: 1e13, noNaN: true })),
    fc.boolean(),
  )
  .map(([stage, loaded, total, network]) => report(stage, loaded, total, network));

test('never goes back, stays below 1 until the end, and ends at exactly 1, whatever is reported', () => {
  fc.assert(
    fc.property(fc.array(anyReport, { maxLength: 60 }), (reports) => {
      const all = shares([...reports, report('ready', 1, 1)]);
      expect(all.pop()).toBe(1);
      for (const [index, share] of all.entries()) {
        expect(share).toBeGreaterThanOrEqual(all[index - 1] ?? 0);
        expect(share).toBeLessThan(1);
      }
    }),
    { numRuns: 500 },
  );
});

test('goes with the bytes of a download, which nearly all of the time goes into', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1e8, max: 1e10 }), fc.integer({ min: 2, max: 50 }), (total, steps) => {
      const reports = Array.from({ length: steps + 1 }, (_, step) => report('weights', (total * step) / steps, total));
      const all = shares(reports);
      for (const [step, share] of all.entries()) {
        expect(share).toBeLessThanOrEqual(step / steps + 1e-9);
        expect(share).toBeGreaterThan((step / steps) * 0.95 - 1e-9);
      }
    }),
  );
});

test('leaves more of the bar to the programs where the weights are kept already', () => {
  const [, stored] = shares([report('weights', 0, 35e6, false), report('weights', 35e6, 35e6, false)]);
  const [, fetched] = shares([report('weights', 0, 35e6), report('weights', 35e6, 35e6)]);
  expect(stored).toBeLessThan(0.3);
  expect(fetched).toBeGreaterThan(0.85);
});

test('counts programs once the weights are there', () => {
  const all = shares([
    report('weights', 0, 35e6, false),
    report('weights', 35e6, 35e6, false),
    report('compile', 0, 40),
    report('compile', 20, 40),
    report('compile', 40, 40),
  ]);
  expect(all[3]! - all[2]!).toBeCloseTo(all[4]! - all[3]!, 6);
  expect(all[4]).toBeGreaterThan(all[3]!);
});

test('goes on where it was when the files of the model changed and all begins again', () => {
  const [, half, again, , quarter] = shares([
    report('weights', 0, 1e9),
    report('weights', 5e8, 1e9),
    report('manifest', 0, 0),
    report('weights', 0, 1e9),
    report('weights', 2.5e8, 1e9),
  ]);
  expect(again).toBe(half);
  expect(quarter).toBeCloseTo(half! + (1 - half!) / 4, 2);
});
