// Finds a Firefox on this machine, or installs one. Plain JavaScript without packages: it runs before `npm ci` has.

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
 * As `findFirefox`, but installs Debian's package where there is none and that needs no password.
 * @param {string} purpose what it is for, for the message: "to test the chat page"
 * @returns {Promise<string | undefined>} undefined where there is none and none can be installed: its tests are skipped
 */
export async function ensureFirefox(purpose) {
  const found = findFirefox();
  if (found) return found;
  await installDebianPackage('firefox-esr', purpose);
  const installed = findFirefox();
  if (!installed) {
    console.error(
      `SKIPPED: there is no Firefox ${purpose}. Install it (on Debian: sudo apt-get install firefox-esr), ` +
        'or set BAMBA_FIREFOX to the path of one.',
    );
  }
  return installed;
}
