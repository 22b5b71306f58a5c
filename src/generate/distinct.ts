// Items that have to differ. No automaton with a stack can tell that two parts of a text are the same. So a place of such a
// grammar remembers the items so far. The automaton decides which texts they can be.

import { isEqual } from './schema-merge.ts';

/** A place of the automaton, with marks: how many scopes and items are open around a byte. */
export interface MarkedPlace {
  /** Whether the text may end here. */
  readonly complete: boolean;
  /**
   * Where a byte leads, by what is open around it: a scope at odd depths, an item of it at even ones. Items are apart: a
   * byte of the scope alone stands between them.
   */
  moves(byte: number): readonly { depth: number; place: MarkedPlace }[];
}

/** A scope: its items so far. */
interface Scope {
  readonly texts: readonly string[];
  readonly values: readonly unknown[];
}

/** The open scopes, the outermost first: a scope, the text of its item so far, a scope in that, and so on. */
type Open = readonly (Scope | string)[];

const EMPTY: Scope = { texts: [], values: [] };

/** A place of all that a text can have led to. */
export class DistinctPlace {
  readonly #ways: readonly Way[];

  constructor(ways: readonly Way[]) {
    this.#ways = ways;
  }

  static from(start: MarkedPlace): DistinctPlace {
    return new DistinctPlace([{ place: start, open: [] }]);
  }

  get complete(): boolean {
    return this.#ways.some(({ place }) => place.complete);
  }

  next(byte: number): DistinctPlace | null {
    const ways = this.#ways.flatMap((way) => moved(way, byte)).filter((way) => isAlive(way));
    return ways.length === 0 ? null : new DistinctPlace(ways);
  }
}

interface Way {
  readonly place: MarkedPlace;
  readonly open: Open;
}

/** Where a byte leads, but for where an item would end that was there before. */
function moved({ place, open }: Way, byte: number): Way[] {
  return place.moves(byte).flatMap(({ depth, place: next }) => {
    let around: Open | null = open;
    while (around && around.length > depth) around = closed(around);
    if (!around) return [];
    const inside = [...around];
    while (inside.length < depth) inside.push(inside.length % 2 === 0 ? EMPTY : '');
    const character = String.fromCharCode(byte);
    return [{ place: next, open: inside.map((one) => (typeof one === 'string' ? one + character : one)) }];
  });
}

/** Without the innermost; null where that is an item which its scope has. */
function closed(open: Open): Open | null {
  const last = open.at(-1)!;
  const outer = open.slice(0, -1);
  if (typeof last !== 'string') return outer;
  const { texts, values } = outer.at(-1) as Scope;
  const value = valueOf(last);
  // By value: one and the same can be written in several ways.
  if (values.some((one) => isEqual(one, value))) return null;
  return [...outer.slice(0, -1), { texts: [...texts, last], values: [...values, value] }];
}

function valueOf(text: string): unknown {
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
}

/** Whether each item that is open from a level on, and the next one of each scope, can become one that was not there. */
function isAlive(way: Way, from = 0): boolean {
  return way.open.every((_, level) => level < from || !isAtRisk(way.open, level) || canEscape(way, level));
}

/** Whether what is open at a level can only go on in ways that have to be looked at. */
function isAtRisk(open: Open, level: number): boolean {
  const one = open[level]!;
  if (typeof one !== 'string') return level === open.length - 1 && one.texts.length > 0;
  return (open[level - 1] as Scope).texts.some((text) => text.startsWith(one));
}

function canEscape(way: Way, level: number): boolean {
  if (way.place.complete) return true;
  for (let byte = 0; byte < 256; byte++) {
    for (const next of moved(way, byte)) {
      // The item ended as a new one, or the scope did.
      if (next.open.length <= level) return true;
      const item = typeof way.open[level] === 'string' ? level : level + 1;
      // The item became another than any before; or none has begun yet.
      if (
        next.open.length <= item
          ? canEscape(next, level)
          : isAtRisk(next.open, item)
            ? canEscape(next, item)
            : isAlive(next, item + 1)
      ) {
        return true;
      }
    }
  }
  return false;
}
