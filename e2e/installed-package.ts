// The package as a stranger has it: packed by npm, and installed from that file in a project of its own, without the
// network.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const MODULES = join(ROOT, 'node_modules');

interface Manifest {
  version: string;
  dependencies?: Record<string, string>;
}

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

function npm(folder: string, ...args: string[]): void {
  const shell = process.platform === 'win32';
  execFileSync('npm', [...args, '--silent', '--ignore-scripts'], { cwd: folder, shell, stdio: 'inherit' });
}

/** All that the package depends on, and what that depends on: they lie side by side here. */
function dependencies(): Set<string> {
  const names = new Set<string>();
  const visit = (folder: string): void => {
    for (const name of Object.keys(manifestOf(folder).dependencies ?? {})) {
      if (names.has(name)) continue;
      names.add(name);
      visit(join(MODULES, name));
    }
  };
  visit(ROOT);
  return names;
}

/**
 * Packs what is built, and installs it.
 * @param project a folder with a package.json
 * @param links packages of ours that the project is to have besides
 * @returns the names of all files of the package
 */
export function installPackage(project: string, links: readonly string[]): string[] {
  const modules = join(project, 'node_modules');
  npm(ROOT, 'pack', '--pack-destination', project);
  // npm takes what is there already, and needs no network for it.
  for (const name of dependencies()) {
    cpSync(join(MODULES, name), join(modules, name), { recursive: true, dereference: true });
  }
  const tarball = `./bamba-web-${manifestOf(ROOT).version}.tgz`;
  npm(project, 'install', tarball, '--offline', '--no-audit', '--no-fund', '--no-package-lock');
  for (const name of links) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(MODULES, name), join(modules, name), 'junction');
  }
  const own = join(modules, 'bamba-web');
  return readdirSync(own, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(own.length + 1)
        .replaceAll('\\', '/'),
    );
}
