// Skipped tests, held to a list of those that may be.

/** @typedef {import('./expected-skips.mjs').ExpectedSkip} ExpectedSkip */
/** @typedef {Pick<import('./report-tests.mjs').ReportedTest, 'file' | 'name'>} SkippedTest */

/**
 * Holds skipped tests to a list.
 * @template {SkippedTest} Skipped
 * @param {readonly Skipped[]} skipped
 * @param {readonly ExpectedSkip[]} expected
 * @returns {{ counts: Map<ExpectedSkip, number>, unexpected: Skipped[] }} how many each entry explains, and the others
 */
export function explainSkips(skipped, expected) {
  /** @type {Map<ExpectedSkip, number>} */
  const counts = new Map();
  const unexpected = skipped.filter((test) => {
    const entry = expected.find(({ file, name }) => test.file.startsWith(file) && name.test(test.name));
    if (entry) counts.set(entry, (counts.get(entry) ?? 0) + 1);
    return !entry;
  });
  return { counts, unexpected };
}
