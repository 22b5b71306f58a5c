/** The facts that are known of a graphics adapter. Browsers keep some of them back, or all. */
export interface AdapterFacts {
  vendor: string;
  architecture: string;
  description: string;
}

/** Browsers by what their user agents have, the more special ones first: each has those of the ones below it, too. */
const BROWSERS: readonly [RegExp, string][] = [
  [/\bEdg\/\d/, 'Edge'],
  [/\bFirefox\/\d/, 'Firefox'],
  [/\bChrom(?:e|ium)\/\d/, 'Chrome'],
  [/\bVersion\/[\d.]+ .*\bSafari\/\d/, 'Safari'],
];

/**
 * The adapter in words: its description where the browser tells it, else maker and family, else whose GPU it is:
 * `the GPU that Firefox chose`.
 * @param userAgent of the browser that gave the adapter.
 */
export function adapterName({ vendor, architecture, description }: AdapterFacts, userAgent = agent()): string {
  const family = [vendor, architecture].filter(Boolean).join(' ');
  return description || family || `the GPU that ${browserOf(userAgent)} chose`;
}

function browserOf(userAgent: string): string {
  return BROWSERS.find(([pattern]) => pattern.test(userAgent))?.[1] ?? 'the browser';
}

function agent(): string {
  return (globalThis.navigator as Navigator | undefined)?.userAgent ?? '';
}
