/** See chromium.mjs. */
export function findChromium(env?: NodeJS.ProcessEnv, platform?: NodeJS.Platform): string | undefined;
export function libraryFolders(chromium: string): string[];
export function ensureChromium(root: string, purpose: string): Promise<string>;
