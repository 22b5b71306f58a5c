import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXPECTED_SKIPS } from './expected-skips.mjs';
import { explainSkips, skippedInPlaywright, skippedInVitest } from './skips.mjs';

/** @type {(status: string, ...titles: string[]) => object} */
const result = (status, ...titles) => ({ status, ancestorTitles: titles.slice(0, -1), title: titles.at(-1) });

describe('skippedInVitest', () => {
  test('names tests by file and suites, whatever kind of skip it is', () => {
    const assertionResults = [
      result('passed', 'a'),
      result('skipped', 'suite', 'inner', 'b'),
      result('pending', 'c'),
      result('todo', 'd'),
      result('failed', 'e'),
    ];
    const report = { testResults: [{ name: '/project/src/x.test.ts', status: 'passed', assertionResults }] };
    expect(skippedInVitest(report, '/project')).toEqual([
      { file: 'src/x.test.ts', name: 'suite > inner > b' },
      { file: 'src/x.test.ts', name: 'c' },
      { file: 'src/x.test.ts', name: 'd' },
    ]);
  });

  test('leaves out what a file that failed did not come to', () => {
    const report = {
      testResults: [{ name: '/project/x.test.ts', status: 'failed', assertionResults: [result('skipped', 'a')] }],
    };
    expect(skippedInVitest(report, '/project')).toEqual([]);
  });
});

test('skippedInPlaywright names tests by file and suites', () => {
  /** @type {(title: string, status: string) => object} */
  const spec = (title, status) => ({ title, tests: [{ status }] });
  const inner = { title: 'suite', file: 'x.spec.ts', specs: [spec('b', 'skipped')] };
  const file = { title: 'x.spec.ts', file: 'x.spec.ts', specs: [spec('a', 'expected'), spec('c', 'skipped')] };
  expect(skippedInPlaywright({ suites: [{ ...file, suites: [inner] }] })).toEqual([
    { file: 'e2e/x.spec.ts', name: 'c' },
    { file: 'e2e/x.spec.ts', name: 'suite > b' },
  ]);
});

describe('explainSkips', () => {
  const known = { file: 'src/a', name: /^needs /, reason: 'it is not here' };

  test('counts what an entry explains', () => {
    const skipped = [
      { file: 'src/a/x.test.ts', name: 'needs much' },
      { file: 'src/a/y.test.ts', name: 'needs more' },
    ];
    expect(explainSkips(skipped, [known])).toEqual({ counts: new Map([[known, 2]]), unexpected: [] });
  });

  test('finds what none explains: of another file, of another name', () => {
    const skipped = [
      { file: 'src/b/x.test.ts', name: 'needs much' },
      { file: 'src/a/x.test.ts', name: 'was fine yesterday' },
    ];
    expect(explainSkips(skipped, [known])).toEqual({ counts: new Map(), unexpected: skipped });
    expect(explainSkips([], [known])).toEqual({ counts: new Map(), unexpected: [] });
  });
});

test('every expected skip is of a file that is there, and has a reason', () => {
  const root = join(import.meta.dirname, '..', '..');
  for (const { file, reason } of EXPECTED_SKIPS) {
    expect(existsSync(join(root, file)), file).toBe(true);
    expect(reason).toMatch(/\w{3,} \w+/);
  }
});
