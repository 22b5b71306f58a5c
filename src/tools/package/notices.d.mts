import type { Plugin } from 'vite';

/** The licence of a package. */
export interface Notice {
  name: string;
  version: string;
  licence: string;
  texts: string[];
}

/** The file, in the folder of a build. */
export const NOTICES: string;
/** What a service worker is made of, by a build of its own that names no modules. */
/** The licence of the package in a folder. */
export function readNotice(folder: string): Notice;
/** The folder of the package that a module belongs to; null for an own one. */
export function packageFolder(id: string, root: string): string | null;

/** Licences of what builds bundle. */
export class Notices {
  constructor(root: string);
  add(name: string): void;
  readonly list: readonly Notice[];
  readonly text: string;
  plugin(options?: { emit?: boolean }): Plugin;
}
