import { describe, expect, test } from 'vitest';
import { testsInPlaywright, testsInVitest } from './report-tests.mjs';

/** @type {(status: string, ...titles: string[]) => object} */
const result = (status, ...titles) => ({ status, ancestorTitles: titles.slice(0, -1), title: titles.at(-1) });

describe('testsInVitest', () => {
  const name = '/project/src/x.test.ts';

  test('names tests by file and suites, whatever kind of skip one is', () => {
    const assertionResults = [
      result('passed', 'a'),
      result('skipped', 'suite', 'inner', 'b'),
      result('pending', 'c'),
      result('todo', 'd'),
    ];
    const report = { testResults: [{ name, status: 'passed', assertionResults }] };
    const file = 'src/x.test.ts';
    expect(testsInVitest(report, '/project')).toEqual([
      { file, name: 'a', ended: 'passed' },
      { file, name: 'suite > inner > b', ended: 'skipped' },
      { file, name: 'c', ended: 'skipped' },
      { file, name: 'd', ended: 'skipped' },
    ]);
  });

  test('says what a failure says first, without colours, and leaves out what the file did not come to', () => {
    const failure = {
      ...result('failed', 'suite', 'a'),
      failureMessages: ['\n\u001B[31mError: 1 is not 2\u001B[39m\n  at x'],
    };
    const report = { testResults: [{ name, status: 'failed', assertionResults: [failure, result('skipped', 'b')] }] };
    expect(testsInVitest(report, '/project')).toEqual([
      { file: 'src/x.test.ts', name: 'suite > a', ended: 'failed', message: 'Error: 1 is not 2' },
    ]);
  });

  test('takes a file that did not load, or whose hook threw, for one failure', () => {
    const broken = { name, status: 'failed', message: 'SyntaxError: no', assertionResults: [] };
    const hook = {
      name,
      status: 'failed',
      message: 'hook',
      assertionResults: [result('passed', 'a'), result('skipped', 'b')],
    };
    expect(testsInVitest({ testResults: [broken, hook] }, '/project')).toEqual([
      { file: 'src/x.test.ts', name: '', ended: 'failed', message: 'SyntaxError: no' },
      { file: 'src/x.test.ts', name: 'a', ended: 'passed' },
      { file: 'src/x.test.ts', name: '', ended: 'failed', message: 'hook' },
    ]);
  });
});

test('testsInPlaywright takes a test that passed on repetition, and errors outside of tests, for failures', () => {
  /** @type {(title: string, status: string, message?: string) => object} */
  const spec = (title, status, message) => ({
    title,
    tests: [{ status, results: [{}, ...(message === undefined ? [] : [{ error: { message } }])] }],
  });
  const inner = { title: 'suite', file: 'x.spec.ts', specs: [spec('b', 'skipped'), spec('c', 'flaky', 'no\nat x')] };
  const file = {
    title: 'x.spec.ts',
    file: 'x.spec.ts',
    specs: [spec('a', 'expected'), spec('d', 'unexpected', 'why')],
  };
  const report = { suites: [{ ...file, suites: [inner] }], errors: [{ message: 'the server did not start' }] };
  expect(testsInPlaywright(report)).toEqual([
    { file: 'e2e/x.spec.ts', name: 'a', ended: 'passed' },
    { file: 'e2e/x.spec.ts', name: 'd', ended: 'failed', message: 'why' },
    { file: 'e2e/x.spec.ts', name: 'suite > b', ended: 'skipped' },
    { file: 'e2e/x.spec.ts', name: 'suite > c', ended: 'failed', message: 'no' },
    { file: 'e2e', name: '', ended: 'failed', message: 'the server did not start' },
  ]);
});
