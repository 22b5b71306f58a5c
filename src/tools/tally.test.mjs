import { describe, expect, test } from 'vitest';
import { countPlaywright, countVitest, judge, sum, summaryLine, tally } from './tally.mjs';

/** @type {(status: string, ...tests: string[]) => unknown} */
const file = (status, ...tests) => ({ status, assertionResults: tests.map((outcome) => ({ status: outcome })) });

describe('countVitest', () => {
  test('counts passed, failed and every kind of skipped test', () => {
    const report = {
      testResults: [file('passed', 'passed', 'skipped', 'pending', 'todo'), file('failed', 'passed', 'failed')],
    };
    expect(countVitest(report)).toEqual(tally(2, 1, 3));
  });

  test('counts a file that did not load as one failure', () => {
    expect(countVitest({ testResults: [file('failed'), file('passed', 'passed')] })).toEqual(tally(1, 1, 0));
  });

  test('counts a file whose hook threw as a failure, though no test of it failed', () => {
    expect(countVitest({ testResults: [file('failed', 'passed', 'skipped')] })).toEqual(tally(1, 1, 1));
  });
});

describe('countPlaywright', () => {
  test('takes a test that passed on repetition, and errors outside of tests, for failures', () => {
    const stats = { expected: 4, unexpected: 1, flaky: 2, skipped: 3 };
    expect(countPlaywright({ stats, errors: [{ message: 'the server did not start' }] })).toEqual(tally(4, 4, 3));
  });
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
