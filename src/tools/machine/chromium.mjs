// Finds a Chromium on this machine, or installs one. Plain JavaScript without packages: it runs before `npm ci` has.

import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CommandError, run } from '../process.mjs';
import { installDebianPackage, installedProgram, namedProgram } from './programs.mjs';

/** As distributions and Google install it. @type {import('./programs.mjs').Places} */
const PLACES = {
  commands: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  macApplications: [
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ],
  windowsPrograms: ['Chromium\\Application\\chrome.exe', 'Google\\Chrome\\Application\\chrome.exe'],
};

/** Where Playwright's downloads have the program, by folder of the download: its layout has changed over the years. */
const PLAYWRIGHT_PROGRAMS = [
  'chrome-linux64/chrome',
  'chrome-linux/chrome',
  'chrome-mac-arm64/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing',
  'chrome-mac-x64/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing',
  'chrome-mac/Chromium.app/Contents/MacOS/Chromium',
  'chrome-win64/chrome.exe',
  'chrome-win/chrome.exe',
];

/**
 * The folder into which Playwright downloads browsers.
 * @param {NodeJS.ProcessEnv} env
 * @param {NodeJS.Platform} platform
 * @returns {string}
 */
function playwrightCache(env, platform) {
  const own = env['PLAYWRIGHT_BROWSERS_PATH'];
  if (own && own !== '0') return own;
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'ms-playwright');
  if (platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'ms-playwright');
  return join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ms-playwright');
}

/** @type {(download: string) => number} */
const revision = (download) => Number(download.slice('chromium-'.length));

/**
 * The newest full Chromium of Playwright's cache; its headless shell does not count, as it is another program.
 * @param {string} cache
 * @returns {string | undefined}
 */
function playwrightChromium(cache) {
  if (!existsSync(cache)) return undefined;
  const downloads = readdirSync(cache)
    .filter((name) => /^chromium-\d+$/.test(name))
    .toSorted((a, b) => revision(b) - revision(a));
  for (const download of downloads) {
    for (const program of PLAYWRIGHT_PROGRAMS) {
      const path = join(cache, download, program);
      if (existsSync(path)) return path;
    }
  }
  return undefined;
}

/**
 * The Chromium to use: the one named by BAMBA_CHROMIUM or CHROMIUM_PATH, else the system's, else Playwright's.
 * @param {NodeJS.ProcessEnv} [env]
 * @param {NodeJS.Platform} [platform]
 * @returns {string | undefined} path of the program, or undefined where there is none
 * @throws CommandError when the environment names a path at which nothing is
 */
export function findChromium(env = process.env, platform = process.platform) {
  return (
    namedProgram(['BAMBA_CHROMIUM', 'CHROMIUM_PATH'], env) ??
    installedProgram(PLACES, env, platform) ??
    playwrightChromium(playwrightCache(env, platform))
  );
}

/**
 * The folders that may hold the libraries of a Chromium: beside the program itself, and where the wrapper scripts of
 * distributions keep them.
 * @param {string} chromium path of the program
 * @returns {string[]}
 */
export function libraryFolders(chromium) {
  const folders = [
    join(realpathSync(chromium), '..'),
    '/usr/lib/chromium',
    '/usr/lib/chromium-browser',
    '/usr/lib64/chromium',
    '/usr/lib64/chromium-browser',
    '/opt/google/chrome',
    '/snap/chromium/current/usr/lib/chromium-browser',
  ];
  return folders.filter((folder) => existsSync(folder));
}

/**
 * As `findChromium`, but installs one where there is none: Debian's package as root, else Playwright's own download.
 * @param {string} root the project's folder
 * @param {string} purpose what it is for, for the message: "to test the chat page"
 * @returns {Promise<string>}
 * @throws CommandError when there is none and none can be installed
 */
export async function ensureChromium(root, purpose) {
  const found = findChromium();
  if (found) return found;
  await installDebianPackage('chromium', purpose);
  const installed = findChromium();
  if (installed) return installed;
  console.error(`No Chromium here: downloading Playwright's ${purpose} (playwright install chromium) ...`);
  const cli = join(root, 'node_modules', 'playwright', 'cli.js');
  await run(process.execPath, [cli, 'install', '--no-shell', 'chromium'], { cwd: root });
  const downloaded = findChromium();
  if (downloaded) return downloaded;
  throw new CommandError(
    `There is no Chromium ${purpose}, and none could be installed. ` +
      'Install Chromium or Google Chrome (on Debian: sudo apt-get install chromium), ' +
      'or set BAMBA_CHROMIUM to the path of one.',
  );
}
