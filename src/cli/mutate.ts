import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { MUTATIONS } from './mutations/all.ts';
import type { Mutation } from './mutations/mutation.ts';

const USAGE = `Usage: npm run mutate [-- PART_OF_A_NAME... [--list]]

Puts small faults into a copy of the sources, one at a time, and runs the tests that must fail for each.
A fault that no test notices survives; the command then ends with 1. Run it before a release.`;

const ROOT = join(import.meta.dirname, '../..');
/** A run of one test file takes seconds on a GPU; where a processor plays one and is busy, minutes. */
const DEADLINE_MS = 15 * 60_000;

type Verdict = 'caught' | 'SURVIVED' | 'BROKEN';

/** The result of a run of tests: the failed ones of all; null where the runner left no report. */
type Counts = { failed: number; total: number } | null;

/** The command `mutate`. @returns 0 when every fault was caught, 1 when not, 2 for wrong arguments. */
export async function main(args: string[]): Promise<number> {
  let parsed;
  try {
    const options = { list: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } as const;
    parsed = parseArgs({ args, allowPositionals: true, options });
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const { values, positionals } = parsed;
  const chosen = MUTATIONS.filter(
    ({ name, file }) =>
      positionals.length === 0 || positionals.some((part) => name.includes(part) || file.includes(part)),
  );
  if (values.help || chosen.length === 0) {
    console.error(values.help ? USAGE : `No fault has such a name.\n\n${USAGE}`);
    return values.help ? 0 : 2;
  }
  if (values.list) {
    for (const { name, file, test } of chosen) console.log(`${name}\n    ${file}, to be caught by ${test}`);
    return 0;
  }
  const copy = copySources();
  const survivors: string[] = [];
  const sound = new Map<string, boolean>();
  try {
    for (const mutation of chosen) {
      const started = performance.now();
      const verdict = await judge(copy, mutation, sound);
      if (verdict !== 'caught') survivors.push(`${mutation.name} (${mutation.file})`);
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      console.log(`${verdict.padEnd(8)}  ${seconds.padStart(4)} s  ${mutation.name} (${mutation.file})`);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  console.log(`\n${chosen.length - survivors.length} of ${chosen.length} faults caught`);
  for (const survivor of survivors) console.log(`not caught: ${survivor}`);
  return survivors.length > 0 ? 1 : 0;
}

/** Copies what git tracks, and what it does not ignore, beside a link to the packages. */
function copySources(): string {
  const copy = mkdtempSync(join(tmpdir(), 'bamba-mutate-'));
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  for (const file of listed.toString().split('\0')) {
    if (file === '') continue;
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(ROOT, file), join(copy, file));
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Runs the tests of a fault without it, once, and with it. A test that fails without it proves nothing. */
async function judge(copy: string, mutation: Mutation, sound: Map<string, boolean>): Promise<Verdict> {
  const tests = JSON.stringify([mutation.test, mutation.only]);
  if (!sound.has(tests)) {
    const counts = await runTests(copy, mutation);
    sound.set(tests, counts !== null && counts.failed === 0 && counts.total > 0);
  }
  if (!sound.get(tests)) return 'BROKEN';
  const path = join(copy, mutation.file);
  const text = readFileSync(path, 'utf8');
  if (text.split(mutation.find).length !== 2) return 'BROKEN';
  writeFileSync(
    path,
    text.replace(mutation.find, () => mutation.replace),
  );
  try {
    const counts = await runTests(copy, mutation);
    if (counts === null) return 'BROKEN';
    return counts.failed > 0 ? 'caught' : 'SURVIVED';
  } finally {
    writeFileSync(path, text);
  }
}

/** Runs the tests that a fault names, in the copy. */
function runTests(copy: string, { test, only }: Mutation): Promise<Counts> {
  const report = join(copy, 'mutate-report.json');
  rmSync(report, { force: true });
  const project = test.endsWith('.gpu.test.ts') ? 'dawn' : 'node';
  const args = ['run', '--project', project, test, ...(only === undefined ? [] : ['-t', only])];
  const reporters = ['--reporter=json', `--outputFile.json=${report}`];
  const program = join(copy, 'node_modules/vitest/vitest.mjs');
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args, ...reporters], { cwd: copy, stdio: 'ignore' });
    const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
    child.on('close', () => {
      clearTimeout(timer);
      resolve(readCounts(report));
    });
  });
}

function readCounts(report: string): Counts {
  try {
    const { numFailedTests, numPassedTests, numFailedTestSuites } = JSON.parse(readFileSync(report, 'utf8')) as Record<
      'numFailedTests' | 'numPassedTests' | 'numFailedTestSuites',
      number
    >;
    return { failed: Math.max(numFailedTests, numFailedTestSuites), total: numFailedTests + numPassedTests };
  } catch {
    return null;
  }
}
