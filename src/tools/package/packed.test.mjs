import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packageFaults } from './packed.mjs';

const CHECK = join(import.meta.dirname, 'check-package.mjs');

const MANIFEST = {
  name: 'scratch-package',
  version: '1.2.0',
  description: 'A package of a test',
  keywords: ['test'],
  author: 'Nobody',
  license: 'Apache-2.0',
  engines: { node: '>=20' },
  files: ['dist', 'docs', 'API.md', 'CHANGELOG.md'],
  exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
  scripts: { prepack: `"${process.execPath}" "${CHECK}" .` },
};

/** A package without a fault. */
const FILES = {
  'CHANGELOG.md': '# Changelog\n\n## [1.2.0] - 2026-01-31\n',
  'API.md': '# API\n\n## open()\n\n### Options\n\n### Options\n',
  'README.md':
    '# It\n\n[open](API.md#open), [second](API.md#options-1), [docs](docs), [this](#it), [web](https://a.test)\n',
  'docs/a.md': 'A.\n',
  'dist/index.js': 'export {};\n',
  'dist/index.d.ts': 'export {};\n',
};

/** @type {string} */
let root;

/** @param {Record<string, string>} files */
function write(files) {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** @param {object} [change] */
const writeManifest = (change = {}) => write({ 'package.json': JSON.stringify({ ...MANIFEST, ...change }) });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bamba-web-packed-'));
  write(FILES);
  writeManifest();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it('finds no fault in what is whole, and stops npm with a sentence where the build is missing', () => {
  expect(packageFaults(root, Object.keys(FILES))).toEqual([]);
  rmSync(join(root, 'dist'), { recursive: true });
  const { status, stdout, stderr } = spawnSync('npm', ['pack'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  expect(status).not.toBe(0);
  expect(stdout + stderr).toContain('package.json names dist/index.js, which is not packed. Run: npm run build:lib');
  expect(readdirSync(root).filter((name) => name.endsWith('.tgz'))).toEqual([]);
});

it('names what a manifest lacks, a version without a date, and links that lead nowhere', () => {
  writeManifest({ private: true, author: undefined, bin: { it: './cli.js' }, version: '1.3.0' });
  write({
    'README.md':
      '# It\n\n[a](gone.md) [b](API.md#close) ![c](docs/c.png)\n\n<picture><source srcset="d.png" /></picture>\n\n`[not](e.md)`\n',
  });
  expect(packageFaults(root, Object.keys(FILES))).toEqual([
    'package.json has no author.',
    'package.json says private: npm will not publish it.',
    'package.json names cli.js, which is not packed. Run: npm run build:lib',
    'CHANGELOG.md has no section of 1.3.0 with a date.',
    'README.md links to gone.md, which is not packed.',
    'README.md links to API.md#close, and API.md has no such heading.',
    'README.md links to docs/c.png, which is not packed.',
    'README.md links to d.png, which is not packed.',
  ]);
});
