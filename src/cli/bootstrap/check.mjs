// `npm test`: everything that CI runs, one step after the other, also after a failure. Its last line is the sum:
// `N passed, N failed` (and `, N skipped`); each check without tests of its own counts as one.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './process.mjs';
import { countPlaywright, countVitest, judge, sum, summaryLine, tally } from './tally.mjs';

/** @typedef {import('./tally.mjs').Tally} Tally */

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const modules = join(root, 'node_modules');
const reports = mkdtempSync(join(tmpdir(), 'bamba-web-reports-'));

/**
 * Starts a program of a package with Node, which needs no shell on any platform.
 * @param {string} script path in node_modules
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env] variables to add
 */
const tool = (script, args, env = {}) =>
  run(process.execPath, [join(modules, script), ...args], { cwd: root, env: { ...process.env, ...env } });

/** @type {(code: number) => Tally} */
const asOneTest = (code) => (code === 0 ? tally(1) : tally(0, 1));

/**
 * @param {number} code exit code of the runner
 * @param {string} report path of its JSON report
 * @param {(report: unknown) => Tally} count
 * @returns {Tally}
 */
function readReport(code, report, count) {
  /** @type {Tally | undefined} */
  let counts;
  try {
    counts = count(JSON.parse(readFileSync(report, 'utf8')));
  } catch (error) {
    console.error(`The report cannot be read: ${String(error)}`);
  }
  const verdict = judge(code, counts);
  if (verdict.fault) console.error(`Counted as a failure: ${verdict.fault}.`);
  return verdict.counts;
}

/** @type {(project: string) => Promise<Tally>} */
async function vitest(project) {
  const report = join(reports, `vitest-${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  // SwiftShader uses more than one core, but not two: on two cores, two workers still gain a third.
  const workers = ['--maxWorkers', String(Math.max(2, Math.floor(availableParallelism() / 2)))];
  const code = await tool('vitest/vitest.mjs', [
    'run',
    '--project',
    project,
    '--allowOnly=false',
    ...workers,
    ...reporters,
  ]);
  return readReport(code, report, countVitest);
}

let built = false;

async function build() {
  const code = await tool('vite/bin/vite.js', ['build', '--config', 'vite.config.ts']);
  built = code === 0;
  return asOneTest(code);
}

/**
 * The package: built, without faults in what it declares, described as it is, and no heavier than it may be.
 * @returns {Promise<Tally>}
 */
async function library() {
  const scripts = join(root, 'src', 'cli', 'bootstrap');
  const script = (/** @type {string} */ name, /** @type {string[]} */ ...args) =>
    run(process.execPath, [join(scripts, name), ...args], { cwd: root });
  if ((await script('build-library.mjs')) !== 0) {
    built = false; // a page cannot be tested with it
    return tally(0, 1);
  }
  const lint = asOneTest(await tool('publint/src/cli.js', ['run', '.', '--strict']));
  const reference = asOneTest(await script('command.mjs', 'docs', '--check'));
  await script('package-size.mjs');
  return sum([tally(1), lint, reference, asOneTest(await tool('size-limit/bin.js', []))]);
}

async function endToEnd() {
  if (!built) {
    console.error('Not run, as there is no build to test.');
    return tally(0, 1);
  }
  const report = join(reports, 'playwright.json');
  const args = ['test', '--config', 'e2e/playwright.config.ts', '--forbid-only', '--reporter=list,json'];
  const code = await tool('@playwright/test/cli.js', args, {
    PLAYWRIGHT_JSON_OUTPUT_FILE: report,
    BAMBA_E2E_BUILT: '1',
  });
  return readReport(code, report, countPlaywright);
}

/** @type {[name: string, step: () => Promise<Tally>][]} */
const STEPS = [
  ['lint', async () => asOneTest(await tool('oxlint/bin/oxlint', ['--type-aware', '--deny-warnings']))],
  ['format', async () => asOneTest(await tool('prettier/bin/prettier.cjs', ['--check', '--log-level=warn', '.']))],
  ['types', async () => asOneTest(await tool('typescript/bin/tsc', ['--noEmit']))],
  ['types of the scripts', async () => asOneTest(await tool('typescript/bin/tsc', ['-p', 'src/cli/bootstrap']))],
  ['unused files and packages', async () => asOneTest(await tool('knip/bin/knip.js', []))],
  ['unit tests', () => vitest('node')],
  ['GPU tests', () => vitest('dawn')],
  ['build', build],
  ['package', library],
  ['end to end', endToEnd],
];

/** @type {{ name: string, counts: Tally, seconds: number }[]} */
const results = [];
try {
  for (const [name, step] of STEPS) {
    console.log(`\n== ${name}`);
    const start = performance.now();
    const counts = await step();
    results.push({ name, counts, seconds: (performance.now() - start) / 1000 });
  }
} finally {
  rmSync(reports, { recursive: true, force: true });
}

console.log();
for (const { name, counts, seconds } of results) {
  console.log(`${counts.failed > 0 ? 'FAIL' : 'ok  '} ${name}: ${summaryLine(counts)} (${seconds.toFixed(1)} s)`);
}
const total = sum(results.map(({ counts }) => counts));
console.log(`\n${summaryLine(total)}`);
process.exitCode = total.failed === 0 ? 0 : 1;
