// When two chats are the same, and what another one is called that is not.

import type { StoredTurn } from './chat-record.ts';
import { TurnTree } from './turn-tree.ts';

/** The id of the `count`-th chat that would have this one: always the same, so that a file adds each of them once. */
export function copyOf(id: string, count: number): string {
  return count === 1 ? id : `${id}-${count}`;
}

/** Whether a turn is the same in everything that is shown of it. */
export function sameTurn(one: StoredTurn, other: StoredTurn): boolean {
  return one.question === other.question && one.answer === other.answer && one.status === other.status;
}

/** Whether the same was said, in the same places. */
export function sameTurns(one: readonly StoredTurn[], other: readonly StoredTurn[]): boolean {
  if (one.length !== other.length) return false;
  const places = parentsOf(other);
  return (
    one.every(({ question, answer }, i) => question === other[i]?.question && answer === other[i]?.answer) &&
    parentsOf(one).every((parent, i) => parent === places[i])
  );
}

/** For each turn the number of the one before it, whatever they are called; -1 where there is none. */
function parentsOf(turns: readonly StoredTurn[]): number[] {
  const tree = new TurnTree(turns);
  const places = new Map(turns.map(({ id }, index) => [id, index]));
  return turns.map(({ id }) => {
    const parent = tree.parent(id);
    return parent === undefined ? -1 : (places.get(parent) ?? -1);
  });
}

/** A name that a text always has: it tells texts apart well enough for a list, not against an adversary. */
export function nameOf(text: string): string {
  let [low, high] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x85ebca6b) ^ (low >>> 13);
  }
  return `${hex(low)}${hex(high)}${text.length.toString(16)}`;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
