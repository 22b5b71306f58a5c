import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');

/** @type {string} */
let folder;

/**
 * Runs the command where no person can answer.
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
const lexicon = (args, env = process.env) =>
  spawnSync(process.execPath, [join(import.meta.dirname, 'lexicon.mjs'), ...args], {
    encoding: 'utf8',
    input: '',
    env,
  });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bamba-web-lexicon-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the command that gives Lexicon', () => {
  it('copies all of it to where it was typed, twice without harm', () => {
    const own = join(ROOT, 'public/models/lexicon');
    const typed = { ...process.env, INIT_CWD: folder, npm_lifecycle_event: 'lexicon' };
    for (let time = 0; time < 2; time++) {
      const { status, stdout } = lexicon(['public/models'], typed);
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
    expect(lexicon([]).stderr).toContain('Usage: npm run lexicon -- FOLDER');
    const { status, stderr } = lexicon([join(ROOT, 'package.json')]);
    expect(status).toBe(1);
    expect(stderr).toContain('Lexicon cannot be copied to ');
  });
});
