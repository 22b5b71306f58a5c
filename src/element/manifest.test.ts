import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

interface Named {
  name: string;
  kind?: string;
}

interface Manifest {
  modules: {
    declarations: Record<'attributes' | 'members' | 'events' | 'slots' | 'cssParts' | 'cssProperties', Named[]>[];
  }[];
}

/** The manifest as the analyzer makes it now. */
function analyze(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bamba-web-manifest-'));
  try {
    const analyzer = join(ROOT, 'node_modules/@custom-elements-manifest/analyzer/cem.js');
    const config = 'src/element/manifest.config.mjs';
    const args = [analyzer, 'analyze', '--config', config, '--outdir', relative(ROOT, folder)];
    execFileSync(process.execPath, args, { cwd: ROOT, stdio: 'pipe' });
    return readFileSync(join(folder, 'custom-elements.json'), 'utf8');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const committed = readFileSync(join(ROOT, 'custom-elements.json'), 'utf8');

it('custom-elements.json says what the element is now (else: npm run elements)', () => {
  expect(JSON.parse(analyze())).toEqual(JSON.parse(committed));
}, 60_000);

it('docs/ELEMENT.md names every part of the element that a page can use', () => {
  const manual = readFileSync(join(ROOT, 'docs/ELEMENT.md'), 'utf8');
  const [element] = (JSON.parse(committed) as Manifest).modules[0]!.declarations;
  const names = [
    ...element!.attributes.map(({ name }) => name),
    ...element!.members.map(({ name, kind }) => (kind === 'method' ? `${name}(` : name)),
    ...element!.events.map(({ name }) => name),
    ...element!.slots.map(({ name }) => name),
    ...element!.cssParts.map(({ name }) => name),
    ...element!.cssProperties.map(({ name }) => name),
  ];
  expect(names.length).toBeGreaterThan(60);
  expect(names.filter((name) => !manual.includes(`\`${name}`))).toEqual([]);
});
