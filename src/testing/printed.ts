import { afterEach, beforeEach, vi } from 'vitest';

/**
 * Keeps what the tests of a file print, in the place of showing it.
 * @returns the lines of the running test, of both streams
 */
export function keepPrinted(): string[] {
  const lines: string[] = [];
  beforeEach(() => {
    lines.length = 0;
    for (const stream of ['log', 'error'] as const) {
      vi.spyOn(console, stream).mockImplementation((line: string) => void lines.push(line));
    }
  });
  afterEach(() => vi.restoreAllMocks());
  return lines;
}
