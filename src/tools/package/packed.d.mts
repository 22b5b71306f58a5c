/** The files that npm would pack, with `/` between folders. */
export function packedFiles(root: string): string[];

/** What is wrong with a package as npm would pack it: a sentence a fault. */
export function packageFaults(root: string, files: readonly string[]): string[];

/** Links of a Markdown file to files or headings that are not there: a sentence a link. */
export function brokenLinks(file: string, packed: ReadonlySet<string>, read: (path: string) => string): string[];
