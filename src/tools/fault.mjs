// How a command that failed says so.

/**
 * Whether an error's message is a sentence for the user: our own errors, and arguments that node:util refused.
 * @param {Error & { code?: unknown }} error
 * @returns {boolean}
 */
function speaksToUser(error) {
  if (error.name === 'BambaError' || error.name === 'CommandError') return true;
  return typeof error.code === 'string' && error.code.startsWith('ERR_PARSE_ARGS');
}

/**
 * The text to print for an error: its sentence alone, or all there is where the error is a bug or DEBUG is set.
 * @param {unknown} error
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string}
 */
export function describeFault(error, env = process.env) {
  if (!(error instanceof Error)) return String(error);
  if (speaksToUser(error) && !env['DEBUG']) return error.message;
  const cause = error.cause === undefined ? '' : `\nCaused by: ${describeFault(error.cause, env)}`;
  return (error.stack ?? error.message) + cause;
}

/**
 * Prints an error.
 * @param {unknown} error
 * @returns {number} the exit code
 */
export function reportFault(error) {
  console.error(describeFault(error));
  return 1;
}
