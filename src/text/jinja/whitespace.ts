// The characters that Python counts as whitespace: JavaScript counts others. Written as the inside of a regular expression's
// class.

export const WHITESPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const LINE_ENDS = '\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029';
/** Where Python's `splitlines` ends a line. */
export const LINE_END = new RegExp(`\\r\\n|[${LINE_ENDS}]`, 'g');
