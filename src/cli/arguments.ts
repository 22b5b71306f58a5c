/**
 * Reads the arguments of a command. Where they ask for help, it prints the usage. Where they are wrong, it prints the reason
 * and the usage to the error stream.
 * @param read makes the command's request of the arguments. Null asks for help; what it throws says what is wrong.
 * @returns the request, or the exit status of a command that has nothing to do: 0 after help, 2 for wrong arguments
 */
export function readRequest<T extends object>(
  args: string[],
  usage: string,
  read: (args: string[]) => T | null,
): T | 0 | 2 {
  try {
    const request = read(args);
    if (request) return request;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  console.log(usage);
  return 0;
}

/** The value of an option that takes one of some names. @throws Error for another one. */
export function oneOf<T extends string>(option: string, name: string | undefined, names: readonly T[]): T {
  const known = names.find((one) => one === name);
  if (known === undefined) throw new Error(`${option} has to be one of ${names.join(', ')}.`);
  return known;
}
