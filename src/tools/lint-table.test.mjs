import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LAYERS, lintConfig } from './lint-table.mjs';

const ROOT = join(import.meta.dirname, '..', '..');

it('is what .oxlintrc.json was made of', () => {
  expect(readFileSync(join(ROOT, '.oxlintrc.json'), 'utf8')).toBe(lintConfig());
});

it('has a row for each folder but the tests’ own, and imports from rows above alone', () => {
  const inSrc = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(Object.keys(LAYERS).toSorted()).toEqual(inSrc.map(({ name }) => name).filter((name) => name !== 'testing'));
  const above = new Set();
  for (const [layer, allowed] of Object.entries(LAYERS)) {
    const folders = allowed.filter((name) => !name.startsWith('/')).map((name) => name.split('/')[0]);
    for (const folder of folders) expect(above).toContain(folder);
    above.add(layer);
  }
});
