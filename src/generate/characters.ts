// Sets of characters, as ranges of code points. Surrogates are no characters: no text of JSON has one alone.

/** Ranges of code points, in order and apart. */
export type Characters = readonly (readonly [low: number, high: number])[];

/** All characters. */
export const EVERY: Characters = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];

/** The characters from one to another. */
export function range(low: number, high: number): Characters {
  return intersection([[low, high]], EVERY);
}

/** The characters of any of the sets. */
export function union(...sets: readonly Characters[]): Characters {
  const ranges = sets.flat().toSorted((a, b) => a[0] - b[0]);
  const joined: [number, number][] = [];
  for (const [low, high] of ranges) {
    const last = joined.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else joined.push([low, high]);
  }
  return joined;
}

/** The characters of both sets. */
export function intersection(a: Characters, b: Characters): Characters {
  const common: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const low = Math.max(a[i]![0], b[j]![0]);
    const high = Math.min(a[i]![1], b[j]![1]);
    if (low <= high) common.push([low, high]);
    if (a[i]![1] < b[j]![1]) i++;
    else j++;
  }
  return common;
}

/** All other characters. */
export function complement(set: Characters): Characters {
  const others: [number, number][] = [];
  let low = 0;
  for (const [first, last] of set) {
    if (low < first) others.push([low, first - 1]);
    low = last + 1;
  }
  return intersection([...others, [low, 0x10ffff]], EVERY);
}

/** Whether a character is in a set. */
export function contains(set: Characters, character: number): boolean {
  return set.some(([low, high]) => low <= character && character <= high);
}

/**
 * The coarsest sets that the given ones can be made of.
 * @returns the sets, which have no character in common; and of each given one, which of them it is made of
 */
export function atoms(sets: readonly Characters[]): { classes: Characters[]; members: number[][] } {
  const edges = sets.flatMap((set, id) =>
    set.flatMap(([low, high]) => [
      { at: low, id },
      { at: high + 1, id },
    ]),
  );
  edges.sort((a, b) => a.at - b.at);
  const inside = new Set<number>();
  const found = new Map<string, { ids: number[]; ranges: [number, number][] }>();
  for (const [index, { at, id }] of edges.entries()) {
    if (!inside.delete(id)) inside.add(id);
    const next = edges[index + 1]?.at ?? at;
    if (next === at || inside.size === 0) continue;
    const ids = [...inside].toSorted((a, b) => a - b);
    const key = ids.join();
    const known = found.get(key);
    if (known) known.ranges.push([at, next - 1]);
    else found.set(key, { ids, ranges: [[at, next - 1]] });
  }
  const members: number[][] = sets.map(() => []);
  const list = [...found.values()];
  for (const [index, { ids }] of list.entries()) for (const id of ids) members[id]!.push(index);
  return { classes: list.map(({ ranges }) => union(ranges)), members };
}

let everyText: string | null = null;

/** The characters that a class of regular expressions has, as `\p{L}`. @throws SyntaxError where there is none. */
export function ofClass(source: string): Characters {
  const runs = new RegExp(`${source}+`, 'gu');
  everyText ??= textOf(EVERY);
  const found: [number, number][] = [];
  for (const [run] of everyText.matchAll(runs)) {
    const last = run.charCodeAt(run.length - 1);
    const width = last >= 0xdc00 && last <= 0xdfff ? 2 : 1;
    found.push([run.codePointAt(0)!, run.codePointAt(run.length - width)!]);
  }
  return union(...found.map(([low, high]) => range(low, high)));
}

function textOf(set: Characters): string {
  let text = '';
  for (const [low, high] of set) {
    for (let code = low; code <= high; code++) text += String.fromCodePoint(code);
  }
  return text;
}
