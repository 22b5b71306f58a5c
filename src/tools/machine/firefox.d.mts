/** See firefox.mjs. */
export function findFirefox(env?: NodeJS.ProcessEnv, platform?: NodeJS.Platform): string | undefined;

/** See firefox.mjs. */
export function ensureFirefox(purpose: string): Promise<void>;
