// Finds programs on this machine, and installs Debian's packages where that asks for no password. Plain JavaScript without
// packages: it runs before `npm ci` has.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CommandError, run } from '../process.mjs';

/**
 * The program that one of these variables names.
 * @param {readonly string[]} names of variables, the first that is set counts
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined} its path; undefined where no variable is set
 * @throws CommandError when a variable names a path at which nothing is
 */
export function namedProgram(names, env) {
  for (const name of names) {
    const path = env[name];
    if (!path) continue;
    if (existsSync(path)) return path;
    throw new CommandError(`${name} is set to ${path}, but nothing is there. Correct it or unset it.`);
  }
  return undefined;
}

/**
 * Where a browser is installed: by its commands on Linux, by its folders elsewhere.
 * @typedef {object} Places
 * @property {readonly string[]} commands names on the PATH, in the order of preference
 * @property {readonly string[]} macApplications paths
 * @property {readonly string[]} windowsPrograms paths in the folders of programs
 */

/**
 * The browser that the system has.
 * @param {Places} places
 * @param {NodeJS.ProcessEnv} env
 * @param {NodeJS.Platform} platform
 * @returns {string | undefined}
 */
export function installedProgram({ commands, macApplications, windowsPrograms }, env, platform) {
  if (platform === 'win32') {
    const roots = [env['PROGRAMFILES'], env['PROGRAMFILES(X86)'], env['LOCALAPPDATA']];
    return roots
      .flatMap((root) => (root ? windowsPrograms.map((program) => join(root, program)) : []))
      .find((path) => existsSync(path));
  }
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const paths = commands.flatMap((command) => folders.map((folder) => join(folder, command)));
  return [...(platform === 'darwin' ? macApplications : []), ...paths].find((path) => existsSync(path));
}

/** @returns {boolean} whether apt can install packages here without asking for a password */
function canUseApt() {
  return process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/**
 * Installs a Debian package as root; does nothing elsewhere.
 * @param {string} name of the package
 * @param {string} purpose what it is for, for the message: "to test the chat page"
 */
export async function installDebianPackage(name, purpose) {
  if (!canUseApt()) return;
  console.error(`No ${name} here: installing Debian's package ${purpose} (apt-get install ${name}) ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const updated = await run('apt-get', ['update', '-q'], { env });
  if (updated === 0) await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', name], { env });
}
