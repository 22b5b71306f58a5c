/** See firefox.mjs. */
export function findFirefox(env?: NodeJS.ProcessEnv, platform?: NodeJS.Platform): string | undefined;
export function ensureFirefox(): Promise<string | undefined>;
