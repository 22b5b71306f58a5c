// Finds a Firefox on this machine. Plain JavaScript without packages, as chromium.mjs.

import { installedProgram, namedProgram } from './programs.mjs';

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
