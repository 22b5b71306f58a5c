// Counts of tests.

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
 * How many tests ended in which way.
 * @param {readonly import('./report-tests.mjs').ReportedTest[]} tests
 * @returns {Tally}
 */
export function count(tests) {
  const having = (/** @type {string} */ wanted) => tests.filter(({ ended }) => ended === wanted).length;
  return tally(having('passed'), having('failed'), having('skipped'));
}

/**
 * The tally of a run of tests: its report, and one more failure if the runner failed outside of tests, or without a report.
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
