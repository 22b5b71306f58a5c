// Child processes: their output goes straight to the terminal, or to whoever keeps it, and Ctrl-C reaches them and only
// them.

import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';

/** A fault whose message says all that the user needs: it is printed without a stack. */
export class CommandError extends Error {
  /** @override */
  name = 'CommandError';
}

function leaveToChild() {}

/**
 * Where a system does not allow it, the process runs as others do.
 * @param {number} pid
 * @param {number} priority
 */
function lower(pid, priority) {
  try {
    setPriority(pid, priority);
  } catch {
    // It has ended already, or may not be changed.
  }
}

/**
 * Runs a program to its end, with the terminal as its input and output.
 * While it runs, an interrupt is left to it (the terminal sends Ctrl-C to both) and a termination is passed on.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, shell?: boolean, onOutput?: (text: string) => void, priority?: number }} [options]
 * `onOutput` gets what the program prints instead of the terminal; `priority` is as of `os.setPriority`
 * @returns {Promise<number>} its exit code; 128 and the signal's number where a signal ended it, 127 where it is missing
 */
export function run(program, args, { onOutput, priority, ...options } = {}) {
  return new Promise((resolve) => {
    const output = onOutput ? 'pipe' : 'inherit';
    const child = spawn(program, args, { stdio: ['inherit', output, output], ...options });
    if (onOutput) for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', onOutput);
    if (priority !== undefined && child.pid !== undefined) lower(child.pid, priority);
    const passOn = () => child.kill('SIGTERM');
    process.on('SIGINT', leaveToChild);
    process.on('SIGTERM', passOn);
    const end = (/** @type {number} */ code) => {
      process.off('SIGINT', leaveToChild);
      process.off('SIGTERM', passOn);
      resolve(code);
    };
    child.on('error', (error) => {
      console.error(`Could not start ${program}: ${error.message}`);
      end(127);
    });
    // Not `exit`: by then not all that was printed may have come.
    child.on('close', (code, signal) => end(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}
