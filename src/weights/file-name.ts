const MAX_NAME = 255;

/**
 * Whether `name` is a plain relative file name: segments of letters, digits, `.`, `_` and `-`, joined by `/`, none of
 * them `.` or `..`. A `%` is not among the characters, so no number of percent-decodings can make another name of it.
 */
export function isPlainFileName(name: unknown): name is string {
  return (
    typeof name === 'string' &&
    name.length <= MAX_NAME &&
    name.split('/').every((segment) => /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(segment))
  );
}
