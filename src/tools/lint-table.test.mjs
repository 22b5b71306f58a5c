import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
  const above = new Set(['sampling.ts']);
  for (const [layer, allowed] of Object.entries(LAYERS)) {
    const folders = allowed.filter((name) => !name.startsWith('/')).map((name) => name.split('/')[0]);
    for (const folder of folders) expect(above).toContain(folder);
    above.add(layer);
  }
});

it.each(['import type { Other }', 'import { type Other }', 'import { Other }'])('refuses a circle of `%s`', (begin) => {
  const folder = mkdtempSync(join(tmpdir(), 'bamba-web-'));
  const write = (/** @type {string} */ name, /** @type {string} */ other) => {
    const text = `${begin.replace('Other', other)} from './${other}.ts';\n\nexport class ${name} {\n  other?: ${other};\n}\n`;
    writeFileSync(join(folder, `${name}.ts`), text);
  };
  write('One', 'Two');
  write('Two', 'One');
  try {
    const oxlint = join(ROOT, 'node_modules', 'oxlint', 'bin', 'oxlint');
    const args = [oxlint, '-c', join(ROOT, '.oxlintrc.json'), '--format', 'unix', '.'];
    const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    expect(stdout.match(/^(One|Two)\.ts:.*no-cycle/gm)).toHaveLength(2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
