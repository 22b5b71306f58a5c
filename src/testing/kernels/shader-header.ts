/** The comment that a shader begins with. */
export interface ShaderHeader {
  /** Library files that it uses. */
  uses: string[];
  name: string;
  /** All lines but the first of those, without slashes. */
  lines: string[];
  /** What it computes, line by line. */
  formula: string[];
  /** Lines after `Shapes`, `Mapping`, `Constants`, `Source`, in order, and of other headings such as `Hazards`. */
  sections: ReadonlyMap<string, string[]>;
}

const HEADING = /^([A-Z][a-z]+) +(.*)$/;

/**
 * Reads the header of a WGSL file: an optional line `uses: ...`, `name: formula`, an empty line, then sections whose
 * headings stand at the line's start and whose text is indented.
 * @throws Error where it is not of this form.
 */
export function parseHeader(code: string): ShaderHeader {
  const comment = /^(?:\/\/.*\n)+/.exec(code)?.[0] ?? '';
  const lines = comment
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\/\/ ?/, ''));
  const uses = lines[0]?.startsWith('uses: ') ? lines.shift()!.slice('uses: '.length).split(', ') : [];
  const empty = lines.indexOf('');
  const title = /^(\w+): (.*)$/.exec(lines[0] ?? '');
  if (!title || empty < 1) throw new Error(`A shader has to begin with "// name: formula", not "// ${lines[0]}".`);
  const sections = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const line of lines.slice(empty + 1)) {
    const heading = HEADING.exec(line);
    if (heading) {
      current = [heading[2]!];
      sections.set(heading[1]!, current);
    } else if (current && /^ {2,}\S/.test(line)) current.push(line.trim());
    else throw new Error(`"// ${line}" in the header of ${title[1]} belongs to no section.`);
  }
  const formula = [title[2]!, ...lines.slice(1, empty)].map((line) => line.trim());
  return { uses, name: title[1]!, lines, formula, sections };
}
