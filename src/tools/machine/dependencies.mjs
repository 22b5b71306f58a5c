// Installs the npm packages where they are missing or are not those of package-lock.json.

import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CommandError, run } from '../process.mjs';

/**
 * One package of a lock file.
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean }} LockedPackage
 */

/**
 * Whether an installed tree is the locked one: every package is there in its version, and no other package. Optional ones
 * may be missing: most of them are builds for other platforms. Dates of files would not do: git sets them anew.
 * @param {Record<string, LockedPackage>} locked packages of package-lock.json
 * @param {Record<string, LockedPackage>} installed packages of node_modules/.package-lock.json
 * @returns {boolean}
 */
export function isInstalled(locked, installed) {
  const same = Object.entries(locked).every(([path, wanted]) => {
    const found = installed[path];
    if (path === '') return true;
    if (!found) return wanted.optional === true;
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
  return same && Object.keys(installed).every((path) => path in locked);
}

/**
 * @param {string} path of a lock file
 * @returns {Record<string, LockedPackage>}
 */
function readPackages(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages;
}

/** @type {(root: string) => boolean} */
function isUpToDate(root) {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  return isInstalled(readPackages(join(root, 'package-lock.json')), readPackages(installed));
}

/**
 * Makes sure that node_modules is what package-lock.json says, with `npm ci` where it is not.
 * @param {string} root the project's folder
 * @throws CommandError when npm fails
 */
export async function ensureDependencies(root) {
  if (isUpToDate(root)) return;
  console.error('Installing the packages of package-lock.json (npm ci), once ...');
  // Development packages too, whatever NODE_ENV says: the commands run on them.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const npm = process.env['npm_execpath'];
  const code =
    npm && basename(npm) === 'npm-cli.js'
      ? await run(process.execPath, [npm, ...args], { cwd: root })
      : await run('npm', args, { cwd: root, shell: process.platform === 'win32' });
  if (code !== 0) {
    throw new CommandError('npm ci failed (see above). It needs the network once; check the connection and try again.');
  }
}
