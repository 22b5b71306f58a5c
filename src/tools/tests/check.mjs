// `npm test`: everything that CI runs, also after a failure. Its last line is the sum: `N passed, N failed` (and
// `, N skipped`); each check without tests of its own counts as one. A test that is skipped and not in expected-skips.mjs
// counts as a failure: what is not checked is to be known.
//
// Two rows of steps run side by side. GPU tests keep a core busy. All other steps leave one idle where they wait for pages
// and processes. Whichever row ends first takes of the last steps, so that none is left alone for long. `--all` takes large
// products of variants whole, of which else a sample is tested.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXPECTED_SKIPS } from './expected-skips.mjs';
import { run } from '../process.mjs';
import { testsInPlaywright, testsInVitest } from './report-tests.mjs';
import { explainSkips } from './skips.mjs';
import { count, judge, sum, summaryLine, tally } from './tally.mjs';

/** @typedef {import('./tally.mjs').Tally} Tally */

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const modules = join(root, 'node_modules');
const reports = mkdtempSync(join(tmpdir(), 'bamba-web-reports-'));

const ALL = process.argv.includes('--all');
/**
 * Processes for tests on SwiftShader, which takes more than a core now and then. Files that share a process compile less,
 * and other steps run beside.
 */
const HALF = Math.max(1, Math.floor(availableParallelism() / 2));

/**
 * Starts a program of a package with Node, which needs no shell on any platform.
 * @param {string} script path in node_modules
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, onOutput?: (text: string) => void }} [options] variables to add, who gets the output
 */
const tool = (script, args, { env = {}, onOutput } = {}) =>
  run(process.execPath, [join(modules, script), ...args], {
    cwd: root,
    env: { ...process.env, ...(ALL && { BAMBA_TEST_ALL: '1' }), ...env },
    ...(onOutput && { onOutput }),
  });

/** @type {(code: number) => Tally} */
const asOneTest = (code) => (code === 0 ? tally(1) : tally(0, 1));

/** Of all runners. @type {import('./report-tests.mjs').ReportedTest[]} */
const reported = [];

/**
 * @param {number} code exit code of the runner
 * @param {string} report path of its JSON report
 * @param {(report: unknown) => import('./report-tests.mjs').ReportedTest[]} list
 * @returns {Tally}
 */
function readReport(code, report, list) {
  /** @type {Tally | undefined} */
  let counts;
  try {
    const tests = list(JSON.parse(readFileSync(report, 'utf8')));
    counts = count(tests);
    reported.push(...tests);
  } catch (error) {
    console.error(`The report cannot be read: ${String(error)}`);
  }
  const verdict = judge(code, counts);
  if (verdict.fault) console.error(`Counted as a failure: ${verdict.fault}.`);
  return verdict.counts;
}

/** Names what failed, where the end of a long output has it. */
function nameFailures() {
  for (const { file, name, ended, message } of reported) {
    if (ended === 'failed') console.log(`Failed, ${[file, name, message].filter(Boolean).join(': ')}`);
  }
}

/**
 * Says what was skipped and why.
 * @returns {Tally} a failure for each test that is not expected to be
 */
function explainAllSkips() {
  const { counts, unexpected } = explainSkips(
    reported.filter(({ ended }) => ended === 'skipped'),
    EXPECTED_SKIPS,
  );
  for (const [{ file, reason }, tests] of counts) console.log(`Skipped, ${tests} of ${file}: ${reason}.`);
  for (const { file, name } of unexpected) {
    console.error(`Skipped, and not listed in src/tools/tests/expected-skips.mjs: ${file}: ${name}`);
  }
  return tally(0, unexpected.length, -unexpected.length);
}

/** How many times Vitest was run: each has a report of its own. */
let runs = 0;

/**
 * Runs a project of Vitest.
 * @param {string} project
 * @param {number} workers
 * @param {{ files?: readonly string[], onOutput?: (text: string) => void }} [options] some of its test files, all by
 *   default; who gets the output
 * @returns {Promise<Tally>}
 */
async function vitest(project, workers, { files = [], onOutput } = {}) {
  const report = join(reports, `vitest-${project}-${++runs}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const only = ['--allowOnly=false', '--maxWorkers', String(workers)];
  const args = ['run', '--project', project, ...only, ...reporters, ...files];
  const code = await tool('vitest/vitest.mjs', args, onOutput && { onOutput });
  return readReport(code, report, (content) => testsInVitest(content, root));
}

let built = false;
let endBuild = () => {};
/** Tests that run beside wait for it, however it ends. @type {Promise<void>} */
const buildEnded = new Promise((resolve) => {
  endBuild = resolve;
});

async function build() {
  const code = await tool('vite/bin/vite.js', ['build', '--config', 'vite.config.ts']);
  built = code === 0;
  endBuild();
  return asOneTest(code);
}

/**
 * The package: built, without faults in what it declares, described as it is, and no heavier than it may be.
 * @returns {Promise<Tally>}
 */
async function library() {
  const scripts = join(root, 'src', 'tools');
  const script = (/** @type {string} */ name, /** @type {string[]} */ ...args) =>
    run(process.execPath, [join(scripts, name), ...args], { cwd: root });
  if ((await script('package/build-library.mjs')) !== 0) {
    built = false; // a page cannot be tested with it
    return tally(0, 1);
  }
  const lint = asOneTest(await tool('publint/src/cli.js', ['run', '.', '--strict']));
  const reference = asOneTest(await script('command.mjs', 'docs', '--check'));
  await script('package/package-size.mjs');
  return sum([tally(1), lint, reference, asOneTest(await tool('size-limit/bin.js', []))]);
}

/** @returns {Tally} */
function withoutBuild() {
  console.error('Not run, as there is no build to test.');
  return tally(0, 1);
}

async function endToEnd() {
  if (!built) return withoutBuild();
  const report = join(reports, 'playwright.json');
  const args = ['test', '--config', 'e2e/playwright.config.ts', '--forbid-only', '--reporter=list,json'];
  const env = { PLAYWRIGHT_JSON_OUTPUT_FILE: report, BAMBA_E2E_BUILT: '1' };
  const code = await tool('@playwright/test/cli.js', args, { env });
  return readReport(code, report, testsInPlaywright);
}

/** @typedef {[name: string, step: () => Promise<Tally>]} Step */

/** One after the other, each printing as it goes. @type {Step[]} */
const STEPS = [
  ['lint', async () => asOneTest(await tool('oxlint/bin/oxlint', ['--type-aware', '--deny-warnings']))],
  ['format', async () => asOneTest(await tool('prettier/bin/prettier.cjs', ['--check', '--log-level=warn', '.']))],
  ['types', async () => asOneTest(await tool('typescript/bin/tsc', ['--noEmit']))],
  ['types of the scripts', async () => asOneTest(await tool('typescript/bin/tsc', ['-p', 'src/tools']))],
  ['unused files and packages', async () => asOneTest(await tool('knip/bin/knip.js', []))],
  ['unit tests', () => vitest('node', Math.max(2, HALF))],
  ['build', build],
  ['package', library],
  ['end to end', endToEnd],
];

/**
 * Runs a project of Vitest in one process, or more on more cores; what it prints is shown in one piece, at its end.
 * @param {string} project
 * @param {string} name
 * @param {readonly string[]} [files]
 */
async function vitestBeside(project, name, files) {
  /** @type {string[]} */
  const printed = [];
  const counts = await vitest(project, HALF, { ...(files && { files }), onOutput: (text) => printed.push(text) });
  console.log(`\n== ${name}\n${printed.join('')}\n== end of the ${name}`);
  return counts;
}

/** Test files of the GPU, from the root: those of kernels alone, or all others. Neither compiles what the other does. */
function gpuTests(/** @type {boolean} */ ofKernels) {
  return readdirSync(join(root, 'src'), { encoding: 'utf8', recursive: true })
    .map((path) => `src/${path.split(sep).join('/')}`)
    .filter((path) => path.endsWith('.gpu.test.ts') && path.startsWith('src/kernels/') === ofKernels);
}

/** Beside them. @type {Step[]} */
const BESIDE = [['GPU tests', () => vitestBeside('dawn', 'GPU tests', gpuTests(false))]];

/** Behind either row, by whichever comes to it first. @type {Step[]} */
const LAST = [
  ['GPU tests of kernels', () => vitestBeside('dawn', 'GPU tests of kernels', gpuTests(true))],
  [
    'tests in Firefox',
    async () => {
      await buildEnded;
      return built ? vitestBeside('firefox', 'tests in Firefox') : withoutBuild();
    },
  ],
];

/** @type {(step: Step) => Promise<{ name: string, counts: Tally, seconds: number }>} */
async function timed([name, step]) {
  const start = performance.now();
  const counts = await step();
  return { name, counts, seconds: (performance.now() - start) / 1000 };
}

/**
 * Runs steps one after the other, and then what is left of the last ones.
 * @param {readonly Step[]} steps
 * @param {boolean} [named] whether each of them says its name before it prints
 */
async function inRow(steps, named = false) {
  const results = [];
  for (const step of steps) {
    if (named) console.log(`\n== ${step[0]}`);
    results.push(await timed(step));
  }
  for (let step = LAST.shift(); step; step = LAST.shift()) results.push(await timed(step));
  return results;
}

/** @type {{ name: string, counts: Tally, seconds: number }[]} */
let results = [];
try {
  console.log('GPU tests begin, and are shown when they have ended; so are those in Firefox.');
  results = (await Promise.all([inRow(STEPS, true), inRow(BESIDE)])).flat();
} finally {
  rmSync(reports, { recursive: true, force: true });
}

console.log();
for (const { name, counts, seconds } of results) {
  console.log(`${counts.failed > 0 ? 'FAIL' : 'ok  '} ${name}: ${summaryLine(counts)} (${seconds.toFixed(1)} s)`);
}
nameFailures();
const total = sum([...results.map(({ counts }) => counts), explainAllSkips()]);
console.log(`\n${summaryLine(total)}`);
process.exitCode = total.failed === 0 ? 0 : 1;
