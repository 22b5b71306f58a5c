import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { expect, it, onTestFinished } from 'vitest';
import { Notices, NOTICES, packageFolder, readNotice } from './notices.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** A folder that is removed behind the test. */
function scratch() {
  const folder = mkdtempSync(join(tmpdir(), 'bamba-web-notices-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/**
 * Remembers, on its own, from which packages a build has modules.
 * @param {Set<string>} names
 * @returns {import('vite').Plugin}
 */
const witness = (names) => ({
  name: 'witness',
  generateBundle(_, bundle) {
    for (const output of Object.values(bundle)) {
      if (output.type !== 'chunk') continue;
      for (const id of Object.keys(output.modules)) {
        const parts = id.split('/node_modules/');
        const [scope = '', name = ''] = parts.length > 1 ? (parts.at(-1) ?? '').split('/') : [];
        if (scope !== '') names.add(scope.startsWith('@') ? `${scope}/${name}` : scope);
      }
    }
  },
});

it('has the licence of every package that a page, its chunks and its inlined worker are made of', async () => {
  const out = scratch();
  const notices = new Notices(root);
  /** @type {Set<string>} */
  const names = new Set();
  await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'warn',
    plugins: [witness(names), notices.plugin({ emit: true })],
    worker: { format: 'es', plugins: () => [witness(names), notices.plugin()] },
    build: { outDir: out, rolldownOptions: { input: 'src/element/define.ts' }, minify: false },
  });
  const text = readFileSync(join(out, NOTICES), 'utf8');
  // In the worker; in the page; and in chunks of it.
  const expected = ['comlink', 'idb', 'lit', 'marked', 'dompurify', 'valibot'];
  expect([...names]).toEqual(expect.arrayContaining(expected));
  for (const name of names) {
    const folder = join(root, 'node_modules', name);
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    expect(text).toContain(`\n${name} ${version} (`);
    const file = ['LICENSE', 'LICENSE.md', 'license', 'LICENCE']
      .map((one) => join(folder, one))
      .find((one) => existsSync(one));
    expect(text, name).toContain(
      readFileSync(file ?? '', 'utf8')
        .trim()
        .slice(0, 500),
    );
  }
  // Helpers of the bundler are nobody's modules, and somebody's code.
  expect(notices.list.map(({ name }) => name)).toEqual(expect.arrayContaining(['vite']));
}, 240_000);

it('knows whose a module is', () => {
  const of = (/** @type {string} */ id) => packageFolder(id, root);
  expect(of('/x/node_modules/@a/b/dist/c.js?commonjs-es-import')).toBe(join('/x/node_modules', '@a/b'));
  expect(of('\0/x/node_modules/d/node_modules/e/f.js')).toBe(join('/x/node_modules/d/node_modules', 'e'));
  expect(of('\0vite/preload-helper.js')).toBe(join(root, 'node_modules/vite'));
  expect(of('\0rolldown/runtime.js')).toBe(join(root, 'node_modules/rolldown'));
  expect(of(join(root, 'src/index.ts'))).toBeNull();
  expect(() => of('\0somebody/helper.js')).toThrow(/Nobody knows whose/);
});

it('takes whole texts, and no package without one', () => {
  expect(readNotice(join(root, 'node_modules/dompurify')).texts).toHaveLength(2);
  const [vite = ''] = readNotice(join(root, 'node_modules/vite')).texts;
  expect(vite).toContain('Permission is hereby granted');
  expect(vite).not.toContain('bundled dependencies');
  const folder = scratch();
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'bare', version: '1.0.0', license: 'MIT' }));
  expect(() => readNotice(folder)).toThrow('The package bare has no text of a licence.');
});
