// Counts of tests, from the reports that Vitest and Playwright write as JSON.

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Tally
 */

/** @type {(passed?: number, failed?: number, skipped?: number) => Tally} */
export const tally = (passed = 0, failed = 0, skipped = 0) => ({ passed, failed, skipped });

/** @type {(tallies: Tally[]) => Tally} */
export function sum(tallies) {
  return tallies.reduce((a, b) => tally(a.passed + b.passed, a.failed + b.failed, a.skipped + b.skipped), tally());
}

/**
 * The one line that `npm test` ends with.
 * @type {(counts: Tally) => string}
 */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/**
 * Counts Vitest's report (`--reporter=json`). A file that failed without a failed test (it did not load, or a hook
 * threw) counts as one failure.
 * @param {unknown} report
 * @returns {Tally}
 */
export function countVitest(report) {
  const { testResults } = /** @type {{ testResults: { status: string, assertionResults: { status: string }[] }[] }} */ (
    report
  );
  return sum(
    testResults.map(({ status, assertionResults }) => {
      const having = (/** @type {string} */ wanted) => assertionResults.filter((test) => test.status === wanted).length;
      const [passed, failed] = [having('passed'), having('failed')];
      const broken = status === 'failed' && failed === 0;
      return tally(passed, broken ? 1 : failed, assertionResults.length - passed - failed);
    }),
  );
}

/**
 * Counts Playwright's report (`--reporter=json`). A test that passed only when repeated counts as a failure. So does each
 * error outside of tests: a file that did not load, a server that did not start.
 * @param {unknown} report
 * @returns {Tally}
 */
export function countPlaywright(report) {
  const { stats, errors } =
    /** @type {{ stats: { expected: number, unexpected: number, flaky: number, skipped: number }, errors: unknown[] }} */ (
      report
    );
  return tally(stats.expected, stats.unexpected + stats.flaky + errors.length, stats.skipped);
}

/**
 * The tally of a run of tests: its report, and one more failure if the runner failed outside of tests, without a report or
 * without tests.
 * @param {number} exitCode of the runner
 * @param {Tally | undefined} counts undefined where there is no readable report
 * @returns {{ counts: Tally, fault?: string }} `fault` says why a failure was added
 */
export function judge(exitCode, counts) {
  if (!counts) return { counts: tally(0, 1), fault: `it ended with exit code ${exitCode} and left no report` };
  if (counts.passed + counts.failed + counts.skipped === 0) return { counts: tally(0, 1), fault: 'it found no test' };
  if (exitCode !== 0 && counts.failed === 0) {
    return { counts: sum([counts, tally(0, 1)]), fault: `no test failed, but it ended with exit code ${exitCode}` };
  }
  return { counts };
}
