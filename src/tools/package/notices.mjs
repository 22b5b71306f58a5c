// The licences of all bundled packages, from the packages as they are installed. A build names its modules, and each belongs
// to a package.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The file, in the folder of a build. */
export const NOTICES = 'THIRD-PARTY-NOTICES.txt';

/** Whose code modules are that no file has: by the beginning of their names. @type {[RegExp, string | null][]} */
const VIRTUAL = [
  [/^\0?vite\//, 'vite'],
  [/^\0?rolldown\//, 'rolldown'],
  [/^\0\/plugin-vue\/|^\0plugin-vue:/, '@vitejs/plugin-vue'],
  [/^\0?virtual:pwa-register|^\0?\/?@vite-plugin-pwa\//, 'vite-plugin-pwa'],
  // An own page, or what is made for this build.
  [/^\0?(?:virtual:|__vite-)/, null],
];

/** @typedef {{ name: string, version: string, licence: string, texts: string[] }} Notice */

/**
 * Of an installed package.
 * @param {string} folder
 * @returns {Notice}
 */
export function readNotice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = readdirSync(folder).filter((file) => /^(?:licen[cs]e|copying|notice)(?:[.-]|$)/i.test(file));
  const texts = files
    .toSorted()
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    // Vite's file goes on with the packages that Vite itself is made of, none of which is in what it builds.
    .map((text) => text.split(/^# Licenses of bundled dependencies/m)[0]?.trim() ?? '');
  if (typeof license !== 'string' || texts.length === 0)
    throw new Error(`The package ${name} has no text of a licence.`);
  return { name, version, licence: license, texts };
}

/**
 * The folder of the package that a module belongs to; null for an own one.
 * @param {string} id
 * @param {string} root the project's folder
 */
export function packageFolder(id, root) {
  const [path = ''] = id.replaceAll('\\', '/').replace(/^\0/, '').split('?');
  const at = path.lastIndexOf('/node_modules/');
  if (at >= 0) {
    const name = /^(?:@[^/]+\/)?[^/]+/.exec(path.slice(at + '/node_modules/'.length));
    return join(path.slice(0, at), 'node_modules', name?.[0] ?? '');
  }
  for (const [pattern, owner] of VIRTUAL) if (pattern.test(id)) return owner && installed(owner, root);
  if (existsSync(path)) return null;
  // A module of CommonJS is wrapped by the bundler, under its own name behind a mark.
  throw new Error(`Nobody knows whose the module ${JSON.stringify(id)} is. Add it to src/tools/package/notices.mjs.`);
}

/**
 * @param {string} name
 * @param {string} root
 */
function installed(name, root) {
  const require = createRequire(join(root, 'package.json'));
  const places = require.resolve.paths(name) ?? [];
  const folder = places.map((place) => join(place, name)).find((one) => existsSync(join(one, 'package.json')));
  if (!folder) throw new Error(`The package ${name} is not installed.`);
  return folder;
}

/** Licences of what builds bundle, one after the other or one in the other. */
export class Notices {
  /** @type {Map<string, Notice>} */
  #notices = new Map();
  #root;

  /** @param {string} root the project's folder */
  constructor(root) {
    this.#root = root;
  }

  /** @param {string} name of a package that no module says */
  add(name) {
    this.#read(installed(name, this.#root));
  }

  /** The packages that were bundled so far, by name. */
  get list() {
    return [...this.#notices.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The file that goes into the folder of a build. */
  get text() {
    const parts = this.list.map(
      ({ name, version, licence, texts }) => `${name} ${version} (${licence})\n\n${texts.join('\n\n')}\n`,
    );
    return [
      'This software has parts of the packages below. Their licences follow, each behind its package.\n',
      ...parts,
    ].join(`\n${'-'.repeat(80)}\n\n`);
  }

  /** @param {string} folder */
  #read(folder) {
    const notice = readNotice(folder);
    this.#notices.set(`${notice.name} ${notice.version}`, notice);
  }

  /**
   * A Vite plugin that reads which modules a build is made of.
   * @param {{ emit?: boolean }} [options] whether the build has the file of all that was read so far
   * @returns {import('vite').Plugin}
   */
  plugin({ emit = false } = {}) {
    const collect = (/** @type {string} */ id) => {
      const folder = packageFolder(id, this.#root);
      if (folder) this.#read(folder);
    };
    return {
      name: 'third-party-notices',
      apply: 'build',
      // Behind plugins that add to what is built; workers were built before, while modules were loaded.
      enforce: 'post',
      generateBundle: (_, bundle) => {
        for (const output of Object.values(bundle)) {
          if (output.type === 'chunk') for (const id of output.moduleIds) collect(id);
        }
      },
      ...(emit && {
        writeBundle: ({ dir }) => {
          if (!dir) throw new Error('The build has no folder for the licences.');
          writeFileSync(join(dir, NOTICES), this.text);
        },
      }),
    };
  }
}
