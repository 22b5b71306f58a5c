import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MUTATIONS } from './all.ts';

const ROOT = join(import.meta.dirname, '../../..');

test('mutations have names of their own, and there are enough of them', () => {
  expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
  expect(MUTATIONS.length).toBeGreaterThanOrEqual(40);
});

// `npm run mutate` tries the tests with each, which takes a minute. Here only what makes it stale.
test.for(MUTATIONS)('$name: applies to the code as it is', ({ file, find, replace, test: testFile }) => {
  expect(readFileSync(join(ROOT, file), 'utf8').split(find)).toHaveLength(2);
  expect(replace).not.toBe(find);
  expect(existsSync(join(ROOT, testFile))).toBe(true);
});
