// Skipped tests, from the reports that Vitest and Playwright write as JSON, held to a list of those that may be.

import { relative, sep } from 'node:path';

/** @typedef {import('./expected-skips.mjs').ExpectedSkip} ExpectedSkip */
/** @typedef {{ file: string, name: string }} SkippedTest */

/**
 * Tests that Vitest's report (`--reporter=json`) has as neither passed nor failed. Those of a file that did not run to its
 * end are no skips: the file has failed.
 * @param {unknown} report
 * @param {string} root the project's folder
 * @returns {SkippedTest[]}
 */
export function skippedInVitest(report, root) {
  const { testResults } =
    /** @type {{ testResults: { name: string, status: string, assertionResults: { status: string, ancestorTitles: string[], title: string }[] }[] }} */ (
      report
    );
  return testResults
    .filter(({ status }) => status !== 'failed')
    .flatMap(({ name, assertionResults }) =>
      assertionResults
        .filter(({ status }) => status !== 'passed' && status !== 'failed')
        .map(({ ancestorTitles, title }) => ({
          file: relative(root, name).split(sep).join('/'),
          name: [...ancestorTitles, title].join(' > '),
        })),
    );
}

/** @typedef {{ title: string, file: string, suites?: PlaywrightSuite[], specs: { title: string, tests: { status: string }[] }[] }} PlaywrightSuite */

/**
 * Tests that Playwright's report (`--reporter=json`) has as skipped.
 * @param {unknown} report
 * @returns {SkippedTest[]}
 */
export function skippedInPlaywright(report) {
  const { suites } = /** @type {{ suites: PlaywrightSuite[] }} */ (report);
  /** @type {(suite: PlaywrightSuite, titles: string[]) => SkippedTest[]} */
  const inSuite = (suite, titles) => [
    ...suite.specs
      .filter(({ tests }) => tests.some(({ status }) => status === 'skipped'))
      .map(({ title }) => ({ file: `e2e/${suite.file}`, name: [...titles, title].join(' > ') })),
    ...(suite.suites ?? []).flatMap((inner) => inSuite(inner, [...titles, inner.title])),
  ];
  // The outermost suites are files.
  return suites.flatMap((file) => inSuite(file, []));
}

/**
 * Holds skipped tests to a list.
 * @param {readonly SkippedTest[]} skipped
 * @param {readonly ExpectedSkip[]} expected
 * @returns {{ counts: Map<ExpectedSkip, number>, unexpected: SkippedTest[] }} how many each entry explains, and the others
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
