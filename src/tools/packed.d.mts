/** The files that npm would pack, with `/` between folders. */
export function packedFiles(root: string): string[];

/** What is wrong with a package as npm would pack it: a sentence a fault. */
export function packageFaults(root: string, files: readonly string[]): string[];
