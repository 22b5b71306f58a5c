import { describe, expect, test } from 'vitest';
import { count, judge, sum, summaryLine, tally } from './tally.mjs';

test('count takes each way in which a test ends apart', () => {
  /** @type {import('./report-tests.mjs').ReportedTest['ended'][]} */
  const ends = ['passed', 'failed', 'passed', 'skipped', 'passed', 'failed'];
  expect(count(ends.map((ended) => ({ file: 'a', name: 'b', ended })))).toEqual(tally(3, 2, 1));
});

describe('judge', () => {
  test('believes a report that agrees with the exit code', () => {
    expect(judge(0, tally(3, 0, 1))).toEqual({ counts: tally(3, 0, 1) });
    expect(judge(1, tally(3, 2))).toEqual({ counts: tally(3, 2) });
  });

  test('is a failure without a report, without tests, and where the runner failed outside of tests', () => {
    expect(judge(0, undefined).counts).toEqual(tally(0, 1));
    expect(judge(0, tally()).counts).toEqual(tally(0, 1));
    expect(judge(1, tally(5)).counts).toEqual(tally(5, 1));
  });

  test('accepts a run that skipped everything, loudly', () => {
    expect(judge(0, tally(0, 0, 7))).toEqual({ counts: tally(0, 0, 7) });
  });
});

test('the last line names skipped tests only where there are some', () => {
  expect(summaryLine(sum([tally(1, 2), tally(3)]))).toBe('4 passed, 2 failed');
  expect(summaryLine(sum([tally(1, 0, 1), tally(3)]))).toBe('4 passed, 0 failed, 1 skipped');
});
