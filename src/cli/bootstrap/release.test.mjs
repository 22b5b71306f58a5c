import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addressFields } from './public-address.mjs';

const FOLDER = import.meta.dirname;
const ROOT = join(FOLDER, '../../..');
const manifest = () => readFileSync(join(ROOT, 'package.json'), 'utf8');

/**
 * Runs a command as a terminal's input is not there.
 * @param {string} script
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 */
const run = (script, args, options) =>
  spawnSync(process.execPath, [join(FOLDER, script), ...args], { encoding: 'utf8', input: '', ...options });

describe('a release', () => {
  it.skipIf('repository' in JSON.parse(manifest()))('stops without a public address, and writes nothing', () => {
    const before = manifest();
    for (const args of [[], ['--check'], ['--repository', 'https://git.example.com/a/b']]) {
      const { status, stderr } = run('release.mjs', args);
      expect(status).toBe(1);
      expect(stderr).toMatch(/no public (?:https )?address/);
    }
    expect(manifest()).toBe(before);
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

describe('the command that gives Lexicon', () => {
  /** @type {string} */
  let folder;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bamba-web-lexicon-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('copies all of it to where it was typed, twice without harm', () => {
    const own = join(ROOT, 'public/models/lexicon');
    const typed = { env: { ...process.env, INIT_CWD: folder, npm_lifecycle_event: 'lexicon' } };
    for (let time = 0; time < 2; time++) {
      const { status, stdout } = run('lexicon.mjs', ['public/models'], typed);
      expect(status).toBe(0);
      expect(stdout).toContain(`Lexicon is in ${join('public', 'models', 'lexicon')}: `);
    }
    const copy = join(folder, 'public/models/lexicon');
    expect(readdirSync(copy)).toEqual(readdirSync(own));
    for (const name of readdirSync(own)) {
      expect(readFileSync(join(copy, name)).equals(readFileSync(join(own, name)))).toBe(true);
    }
  });

  it('says how it is used without a folder, and why it cannot copy', () => {
    expect(run('lexicon.mjs', []).stderr).toContain('Usage: npm run lexicon -- FOLDER');
    const { status, stderr } = run('lexicon.mjs', [join(ROOT, 'package.json')]);
    expect(status).toBe(1);
    expect(stderr).toContain('Lexicon cannot be copied to ');
  });
});
