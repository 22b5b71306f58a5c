// Child processes: their output goes straight to the terminal, or to whoever keeps it, and Ctrl-C reaches them and only
// them.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** A fault whose message says all that the user needs: it is printed without a stack. */
export class CommandError extends Error {
  /** @override */
  name = 'CommandError';
}

function leaveToChild() {}

/**
 * Runs a program to its end, with the terminal as its input and output.
 * While it runs, an interrupt is left to it (the terminal sends Ctrl-C to both) and a termination is passed on.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, shell?: boolean, onOutput?: (text: string) => void }} [options]
 * `onOutput` gets what the program prints instead of the terminal
 * @returns {Promise<number>} its exit code; 128 and the signal's number where a signal ended it, 127 where it is missing
 */
export function run(program, args, { onOutput, ...options } = {}) {
  return new Promise((resolve) => {
    const output = onOutput ? 'pipe' : 'inherit';
    const child = spawn(program, args, { stdio: ['inherit', output, output], ...options });
    if (onOutput) for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', onOutput);
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
