import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findChromium, libraryFolders } from './chromium.mjs';

let folder = '';

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'bamba-web-chromium-')));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** @type {(...parts: string[]) => string} */
function touch(...parts) {
  const path = join(folder, ...parts);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
  return path;
}

/** @type {(env: NodeJS.ProcessEnv) => NodeJS.ProcessEnv} */
const machine = (env) => ({ PATH: '', PLAYWRIGHT_BROWSERS_PATH: join(folder, 'none'), ...env });

describe('findChromium', () => {
  test('takes the one that the environment names, before all others', () => {
    const named = touch('named');
    touch('bin', 'chromium');
    const env = machine({ PATH: join(folder, 'bin'), CHROMIUM_PATH: named });
    expect(findChromium(env, 'linux')).toBe(named);
    const other = touch('other');
    expect(findChromium({ ...env, BAMBA_CHROMIUM: other }, 'linux')).toBe(other);
  });

  test('refuses a path at which nothing is, instead of taking another one', () => {
    const env = machine({ BAMBA_CHROMIUM: join(folder, 'missing') });
    expect(() => findChromium(env, 'linux')).toThrow(/BAMBA_CHROMIUM is set to .*missing, but nothing is there/);
  });

  test('prefers Chromium to Chrome, in whichever folder of the PATH it is', () => {
    touch('a', 'google-chrome');
    const chromium = touch('b', 'chromium');
    const PATH = [join(folder, 'a'), join(folder, 'b')].join(delimiter);
    expect(findChromium(machine({ PATH }), 'linux')).toBe(chromium);
  });

  test("finds Chrome among Windows' programs", () => {
    const chrome = touch('Google\\Chrome\\Application\\chrome.exe');
    expect(findChromium(machine({ PROGRAMFILES: folder }), 'win32')).toBe(chrome);
  });

  test("takes the newest download of Playwright's cache, and no headless shell", () => {
    touch('cache', 'chromium-999', 'chrome-linux', 'chrome');
    const newest = touch('cache', 'chromium-1200', 'chrome-linux64', 'chrome');
    touch('cache', 'chromium_headless_shell-1300', 'chrome-linux64', 'chrome');
    mkdirSync(join(folder, 'cache', 'chromium-1400'));
    const env = machine({ PLAYWRIGHT_BROWSERS_PATH: join(folder, 'cache') });
    expect(findChromium(env, 'linux')).toBe(newest);
  });

  test('finds nothing on a bare machine', () => {
    expect(findChromium(machine({}), 'linux')).toBeUndefined();
  });
});

test('libraries are looked for beside the program, behind its links', () => {
  const program = touch('opt', 'chrome');
  symlinkSync(program, join(folder, 'link'));
  expect(libraryFolders(join(folder, 'link'))[0]).toBe(join(folder, 'opt'));
});
