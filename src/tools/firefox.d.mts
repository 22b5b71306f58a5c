/** See firefox.mjs. */
export function findFirefox(env?: NodeJS.ProcessEnv, platform?: NodeJS.Platform): string | undefined;
