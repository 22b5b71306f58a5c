// Pieces of Markdown, as GitHub shows it.

/** A block of code. */
export function fence(code: string, language = 'ts'): string {
  return `\`\`\`${language}\n${code}\n\`\`\``;
}

/** A table of `name - what it is`; empty without rows. */
export function table(title: string, rows: readonly string[]): string {
  if (rows.length === 0) return '';
  const cells = rows.map((row) => {
    const at = row.indexOf(' - ');
    return `| \`${row.slice(0, at)}\` | ${row.slice(at + 3)} |`;
  });
  return [`| ${title} | is |`, '| --- | --- |', ...cells].join('\n');
}

/** Gives headings, in their order, the names that links to them have: those of the same words are numbered. */
export function slugs(): (heading: string) => string {
  const seen = new Map<string, number>();
  return (heading) => {
    const plain = heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-');
    const times = seen.get(plain) ?? 0;
    seen.set(plain, times + 1);
    return times === 0 ? plain : `${plain}-${times}`;
  };
}
