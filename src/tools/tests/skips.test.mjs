import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXPECTED_SKIPS } from './expected-skips.mjs';
import { explainSkips } from './skips.mjs';

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
  const root = join(import.meta.dirname, '../../..');
  for (const { file, reason } of EXPECTED_SKIPS) {
    expect(existsSync(join(root, file)), file).toBe(true);
    expect(reason).toMatch(/\w{3,} \w+/);
  }
});
