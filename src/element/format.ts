// Numbers as people read them. All plain functions of their arguments, in English, without a locale of the machine:
// what a screenshot or a test sees is what everyone sees.

/**
 * Bytes in decimal units, as browsers and systems show downloads.
 *
 * @example
 * formatBytes(35_120_000); // '35.1 MB'
 */
export function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${Math.round(bytes)} B`;
  if (bytes < 999_500) return `${Math.round(bytes / 1e3)} kB`;
  if (bytes < 99_950_000) return `${(bytes / 1e6).toFixed(1)} MB`;
  if (bytes < 999_500_000) return `${Math.round(bytes / 1e6)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/**
 * A count of parameters.
 *
 * @example
 * formatParameters(34_900_000); // '34.9 M'
 */
export function formatParameters(count: number): string {
  if (count < 1e3) return String(count);
  if (count < 1e6) return `${(count / 1e3).toFixed(1)} k`;
  if (count < 1e9) return `${(count / 1e6).toFixed(1)} M`;
  return `${(count / 1e9).toFixed(2)} B`;
}

/**
 * How long something still takes, rounded as far as such a guess can be trusted; empty while it is unknown.
 *
 * @example
 * formatTimeLeft(75); // 'about 2 min left'
 */
export function formatTimeLeft(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '';
  if (seconds < 1.5) return 'about a second left';
  if (seconds < 59.5) return `about ${Math.round(seconds)} s left`;
  if (seconds < 3600) return `about ${Math.ceil(seconds / 60)} min left`;
  return `about ${(seconds / 3600).toFixed(1)} h left`;
}

/**
 * A duration that was measured.
 *
 * @example
 * formatSeconds(0.118); // '0.12 s'
 */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  return `${seconds.toFixed(1)} s`;
}

/**
 * Tokens per second: one digit after the point below 10, none above.
 *
 * @example
 * formatRate(58.3); // '58 tokens/s'
 */
export function formatRate(tokensPerSecond: number): string {
  if (!Number.isFinite(tokensPerSecond) || tokensPerSecond <= 0) return '';
  return `${tokensPerSecond < 10 ? tokensPerSecond.toFixed(1) : Math.round(tokensPerSecond)} tokens/s`;
}

/** An integer with thin groups of three, for tables. */
export function formatInteger(value: number): string {
  return String(Math.trunc(value)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}
