import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addressFields } from './public-address.mjs';

const TOOLS = join(import.meta.dirname, '..');

/** @type {string} */
let folder;

/**
 * Runs a script where no person can answer.
 * @param {string} script
 * @param {string[]} args
 */
const run = (script, args) => spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', input: '' });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bamba-web-release-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a release', () => {
  const manifest = () => readFileSync(join(folder, 'package.json'), 'utf8');

  it('stops without a public address and writes nothing, and keeps the one that it is given', () => {
    for (const name of ['package/release', 'package/public-address', 'process', 'fault']) {
      cpSync(join(TOOLS, `${name}.mjs`), join(folder, 'src/tools', `${name}.mjs`));
    }
    writeFileSync(join(folder, 'package.json'), '{ "name": "it", "version": "1.0.0" }');
    const release = join(folder, 'src/tools/package/release.mjs');
    const before = manifest();
    for (const args of [[], ['--check'], ['--repository', 'https://git.example.com/a/b']]) {
      const { status, stderr } = run(release, args);
      expect(status).toBe(1);
      expect(stderr).toMatch(/no public (?:https )?address/);
    }
    expect(manifest()).toBe(before);
    expect(run(release, ['--repository', 'https://codeberg.org/someone/something']).status).toBe(0);
    expect(JSON.parse(manifest())).toEqual({
      name: 'it',
      version: '1.0.0',
      ...addressFields({ repository: 'https://codeberg.org/someone/something' }),
    });
    expect(run(release, ['--check']).status).toBe(0);
  });

  it('takes the address of a repository, and what a host is known to have beside it', () => {
    expect(addressFields({ repository: 'https://github.com/someone/something.git' })).toEqual({
      repository: { type: 'git', url: 'git+https://github.com/someone/something.git' },
      homepage: 'https://github.com/someone/something#readme',
      bugs: { url: 'https://github.com/someone/something/issues' },
    });
    expect(addressFields({ repository: 'https://gitlab.com/a/group/b/' }).bugs.url).toBe(
      'https://gitlab.com/a/group/b/-/issues',
    );
    const own = {
      repository: 'https://git.some.org/a/b',
      homepage: 'https://some.org/b',
      bugs: 'https://bugs.some.org/',
    };
    expect(addressFields(own)).toEqual({
      repository: { type: 'git', url: 'git+https://git.some.org/a/b.git' },
      homepage: 'https://some.org/b',
      bugs: { url: 'https://bugs.some.org/' },
    });
  });

  it.each([
    ['http://github.com/a/b', 'no public https address'],
    ['git@github.com:a/b', 'no public https address'],
    ['https://localhost/a/b', 'no public https address'],
    ['https://10.0.0.1/a/b', 'no public https address'],
    ['https://example.org/a/b', 'no public https address'],
    ['https://github.com/a', 'names no repository'],
    ['https://git.some.org/a/b', 'add --homepage and --bugs'],
  ])('refuses %s', (repository, sentence) => {
    expect(() => addressFields({ repository })).toThrow(sentence);
  });
});
