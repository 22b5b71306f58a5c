/** Writes the declarations of the package into dist-lib/types; gives the exit code of tsc. */
export function emitTypes(root: string): Promise<number>;
