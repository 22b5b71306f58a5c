// Finds a Firefox on this machine. Plain JavaScript without packages, as chromium.mjs.

import { installDebianPackage, installedProgram, namedProgram } from './programs.mjs';

/** @type {import('./programs.mjs').Places} */
const PLACES = {
  commands: ['firefox-esr', 'firefox'],
  macApplications: ['/Applications/Firefox.app/Contents/MacOS/firefox'],
  windowsPrograms: ['Mozilla Firefox\\firefox.exe'],
};

/**
 * The Firefox to use: the one named by BAMBA_FIREFOX, else the system's.
 * @param {NodeJS.ProcessEnv} [env]
 * @param {NodeJS.Platform} [platform]
 * @returns {string | undefined} path of the program, or undefined where there is none
 * @throws CommandError when the environment names a path at which nothing is
 */
export function findFirefox(env = process.env, platform = process.platform) {
  return namedProgram(['BAMBA_FIREFOX'], env) ?? installedProgram(PLACES, env, platform);
}

/**
 * As `findFirefox`, but installs Debian's where there is none, as root. Where none can be installed, tests in it are skipped:
 * the project runs without.
 * @param {string} purpose what it is for, for the message: "to test the chat page"
 * @throws CommandError when the environment names a path at which nothing is
 */
export async function ensureFirefox(purpose) {
  if (findFirefox()) return;
  await installDebianPackage('firefox-esr', purpose);
  if (findFirefox()) return;
  console.error(
    `There is no Firefox ${purpose}, and none could be installed: tests in it are skipped. ` +
      'Install Firefox (on Debian: sudo apt-get install firefox-esr), or set BAMBA_FIREFOX to the path of one.',
  );
}
