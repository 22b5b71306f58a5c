// The escapes of a string in a template: those of Python.

const ESCAPE = /\\(?:[0-7]{1,3}|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[^])/gu;
const SIMPLE = new Map(
  Object.entries({
    '\n': '',
    '\\': '\\',
    "'": "'",
    '"': '"',
    a: '\x07',
    b: '\b',
    f: '\f',
    n: '\n',
    r: '\r',
    t: '\t',
    v: '\v',
  }),
);

/** The text between the quotes; null where an escape is broken, or gives a character's name. */
export function unescapeString(source: string): string | null {
  let broken = false;
  const text = source.replaceAll(ESCAPE, (escape) => {
    const kind = escape.slice(1, 2);
    const simple = SIMPLE.get(kind);
    if (simple !== undefined) return simple;
    if (kind >= '0' && kind <= '7') return String.fromCharCode(Number.parseInt(escape.slice(1), 8));
    const code = escape.length > 3 ? Number.parseInt(escape.slice(2), 16) : Infinity;
    if (code <= 0x10ffff) return String.fromCodePoint(code);
    broken ||= /[xuUN]/.test(kind);
    // A letter beyond ASCII becomes its code, as jinja2 has it.
    const letter = escape.codePointAt(1)!;
    return letter < 0x80 ? escape : `\\${codeOf(letter)}`;
  });
  return broken ? null : text;
}

function codeOf(letter: number): string {
  const digits = letter.toString(16);
  if (letter < 0x100) return `x${digits}`;
  return letter < 0x10000 ? `u${digits.padStart(4, '0')}` : `U${digits.padStart(8, '0')}`;
}
