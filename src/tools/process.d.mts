/** A fault whose message says all that the user needs: it is printed without a stack. */
export class CommandError extends Error {}

/** Runs a program to its end, with the terminal as its input and output, or `onOutput` for the latter; gives its exit code. */
export function run(
  program: string,
  args: string[],
  options?: { cwd?: string; env?: NodeJS.ProcessEnv; shell?: boolean; onOutput?: (text: string) => void },
): Promise<number>;
