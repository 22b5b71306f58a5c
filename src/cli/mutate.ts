import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { readRequest } from './arguments.ts';
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

/** A run of tests without a fault: whether all passed, and how long that took. */
interface Soundness {
  passes: boolean;
  ms: number;
}

/** A fault may make an endless loop. Tests that take so many times as long as without it have noticed it. */
const HANGS = 5;
/** Such a comparison is not made of moments. */
const LEAST_MS = 120_000;

/** The command `mutate`. @returns 0 when every fault was caught, 1 when not, 2 for wrong arguments. */
export async function main(args: string[]): Promise<number> {
  const request = readRequest(args, USAGE, readArguments);
  if (typeof request === 'number') return request;
  const { chosen, list } = request;
  if (list) {
    for (const { name, file, test } of chosen) console.log(`${name}\n    ${file}, to be caught by ${test}`);
    return 0;
  }
  // Tests run in a group of their own, which no terminal interrupts: it ends with this process.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const copy = copySources();
  const survivors: string[] = [];
  const sound = new Map<string, Soundness>();
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

function readArguments(args: string[]) {
  const options = { list: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } as const;
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
  if (values.help) return null;
  const isNamed = ({ name, file }: Mutation) => positionals.some((part) => name.includes(part) || file.includes(part));
  const chosen = positionals.length === 0 ? MUTATIONS : MUTATIONS.filter(isNamed);
  if (chosen.length === 0) throw new Error('No fault has such a name.');
  return { chosen, list: values.list };
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
async function judge(copy: string, mutation: Mutation, sound: Map<string, Soundness>): Promise<Verdict> {
  const tests = JSON.stringify([mutation.test, mutation.only]);
  const { passes, ms } = sound.get(tests) ?? (await trySound(copy, mutation));
  sound.set(tests, { passes, ms });
  if (!passes) return 'BROKEN';
  const path = join(copy, mutation.file);
  const text = readFileSync(path, 'utf8');
  if (text.split(mutation.find).length !== 2) return 'BROKEN';
  writeFileSync(
    path,
    text.replace(mutation.find, () => mutation.replace),
  );
  try {
    const result = await runTests(copy, mutation, Math.min(DEADLINE_MS, Math.max(LEAST_MS, HANGS * ms)));
    if (result === 'hangs') return 'caught';
    if (result === null) return 'BROKEN';
    return result.failed > 0 ? 'caught' : 'SURVIVED';
  } finally {
    writeFileSync(path, text);
  }
}

async function trySound(copy: string, mutation: Mutation): Promise<Soundness> {
  const started = performance.now();
  const result = await runTests(copy, mutation, DEADLINE_MS);
  const passes = result !== null && result !== 'hangs' && result.failed === 0 && result.total > 0;
  return { passes, ms: performance.now() - started };
}

/** Runs the tests that a fault names, in the copy; with a deadline, as a loop without end stops any timer of theirs. */
function runTests(copy: string, { test, only }: Mutation, deadlineMs: number): Promise<Counts | 'hangs'> {
  const report = join(copy, 'mutate-report.json');
  rmSync(report, { force: true });
  const project = test.endsWith('.gpu.test.ts') ? 'dawn' : 'node';
  const args = ['run', '--project', project, test, ...(only === undefined ? [] : ['-t', only])];
  const reporters = ['--reporter=json', `--outputFile.json=${report}`];
  const program = join(copy, 'node_modules/vitest/vitest.mjs');
  return new Promise((resolve) => {
    let hangs = false;
    // A group of its own: the runner's workers end with it.
    const child = spawn(process.execPath, [program, ...args, ...reporters], {
      cwd: copy,
      stdio: 'ignore',
      detached: process.platform !== 'win32',
    });
    const end = () => endGroup(child);
    process.once('exit', end);
    const timer = setTimeout(() => {
      hangs = true;
      end();
    }, deadlineMs);
    child.on('close', () => {
      clearTimeout(timer);
      process.off('exit', end);
      resolve(hangs ? 'hangs' : readCounts(report));
    });
  });
}

/** Ends a process and those that it started. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
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
