/**
 * Tokens that a short pass has at most, as a turn of a chat may. Two tiles of 16 tokens compute less than one of 64 that is
 * not full.
 */
export const SHORT_TOKENS = 32;

/** Which of two plans reads a prompt: short passes have small tiles. */
export type PassLength = 'short' | 'long';

/** The length of a pass over so many tokens. */
export function passLength(tokens: number): PassLength {
  return tokens <= SHORT_TOKENS ? 'short' : 'long';
}
