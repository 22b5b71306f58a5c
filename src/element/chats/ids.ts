// Names of chats and turns that no other tab gives.

/** Names a turn in its chat: a number in chats of files and of earlier versions, else as `newTurnId` gives it. */
export type TurnId = number | string;

/** Hexadecimal digits of a time in milliseconds, for the next 8,900 years. */
const TIME_DIGITS = 12;

/** A name for something new, in this browser and in any other. */
export function newId(): string {
  return randomHex(12);
}

/**
 * A name for a new turn. Two tabs never give the same one. The database orders turns by it: by the time of their questions.
 * In one chat a later turn always comes after the one before, also where the clock goes back.
 *
 * @param before the turn before it in the chat
 */
export function newTurnId(before?: TurnId): string {
  const last = typeof before === 'string' ? Number.parseInt(before.slice(0, TIME_DIGITS), 16) : Number.NaN;
  const time = Number.isNaN(last) ? Date.now() : Math.max(Date.now(), last + 1);
  return `${time.toString(16).padStart(TIME_DIGITS, '0')}-${randomHex(8)}`;
}

function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );
}
