// The tests in the reports that Vitest and Playwright write as JSON, by name, with how each ended.

import { relative, sep } from 'node:path';

/**
 * @typedef {object} ReportedTest
 * @property {string} file path from the project's folder
 * @property {string} name with those of its suites: `suite > test`; empty for a file that did not run
 * @property {'passed' | 'failed' | 'skipped'} ended
 * @property {string} [message] the first line of what a failure says
 */

/** @typedef {{ status: string, ancestorTitles: string[], title: string, failureMessages?: string[] }} VitestResult */
/** @typedef {{ name: string, status: string, message?: string, assertionResults: VitestResult[] }} VitestFile */

/** @type {(status: string) => ReportedTest['ended']} */
const endedInVitest = (status) => (status === 'passed' || status === 'failed' ? status : 'skipped');

/** Colours of a terminal. */
// oxlint-disable-next-line no-control-regex -- they begin with a control character
const COLOURS = /\u001B\[[\d;]*m/g;

/** @type {(text: string | undefined) => { message?: string }} */
function firstLine(text) {
  const message = text
    ?.replaceAll(COLOURS, '')
    .split('\n')
    .find((line) => line.trim() !== '');
  return message === undefined ? {} : { message };
}

/**
 * The tests of Vitest's report (`--reporter=json`). Of a file that failed without a failed test, such as one that does not
 * load, there is one failure without a name. What a file that failed did not come to is left out.
 * @param {unknown} report
 * @param {string} root the project's folder
 * @returns {ReportedTest[]}
 */
export function testsInVitest(report, root) {
  const { testResults } = /** @type {{ testResults: VitestFile[] }} */ (report);
  return testResults.flatMap(({ name: path, status, message, assertionResults }) => {
    const file = relative(root, path).split(sep).join('/');
    /** @type {ReportedTest[]} */
    const tests = assertionResults.map((result) => ({
      file,
      name: [...result.ancestorTitles, result.title].join(' > '),
      ended: endedInVitest(result.status),
      ...firstLine(result.failureMessages?.[0]),
    }));
    if (status !== 'failed') return tests;
    const ran = tests.filter(({ ended }) => ended !== 'skipped');
    return ran.some(({ ended }) => ended === 'failed')
      ? ran
      : [...ran, { file, name: '', ended: 'failed', ...firstLine(message) }];
  });
}

/** @typedef {{ status: string, results?: { error?: { message?: string } }[] }} PlaywrightTest */
/** @typedef {{ title: string, file: string, suites?: PlaywrightSuite[], specs: { title: string, tests: PlaywrightTest[] }[] }} PlaywrightSuite */

/** @type {(tests: readonly PlaywrightTest[]) => ReportedTest['ended']} */
function endedInPlaywright(tests) {
  if (tests.some(({ status }) => status === 'unexpected' || status === 'flaky')) return 'failed';
  return tests.some(({ status }) => status === 'skipped') ? 'skipped' : 'passed';
}

/**
 * The tests of Playwright's report (`--reporter=json`). A test that passed only when repeated has failed.
 * @param {unknown} report
 * @returns {ReportedTest[]}
 */
export function testsInPlaywright(report) {
  const { suites, errors = [] } = /** @type {{ suites: PlaywrightSuite[], errors?: { message?: string }[] }} */ (
    report
  );
  /** @type {(suite: PlaywrightSuite, titles: string[]) => ReportedTest[]} */
  const inSuite = (suite, titles) => [
    ...suite.specs.map(({ title, tests }) => {
      const failure = tests.flatMap(({ results }) => results ?? []).find(({ error }) => error);
      return {
        file: `e2e/${suite.file}`,
        name: [...titles, title].join(' > '),
        ended: endedInPlaywright(tests),
        ...firstLine(failure?.error?.message),
      };
    }),
    ...(suite.suites ?? []).flatMap((inner) => inSuite(inner, [...titles, inner.title])),
  ];
  return [
    // The outermost suites are files.
    ...suites.flatMap((file) => inSuite(file, [])),
    ...errors.map(({ message }) => ({
      file: 'e2e',
      name: '',
      ended: /** @type {const} */ ('failed'),
      ...firstLine(message),
    })),
  ];
}
