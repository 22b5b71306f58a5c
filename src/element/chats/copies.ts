// When two chats are the same, and what another one is called that is not.

import type { StoredTurn } from './chat-record.ts';

/** The id of the `count`-th chat that would have this one: always the same, so that a file adds each of them once. */
export function copyOf(id: string, count: number): string {
  return count === 1 ? id : `${id}-${count}`;
}

/** Whether a turn is the same in everything that is shown of it. */
export function sameTurn(one: StoredTurn, other: StoredTurn): boolean {
  return one.question === other.question && one.answer === other.answer && one.status === other.status;
}

/** Whether the same was said. */
export function sameTurns(one: readonly StoredTurn[], other: readonly StoredTurn[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ question, answer }, i) => question === other[i]?.question && answer === other[i]?.answer)
  );
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
