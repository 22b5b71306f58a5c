import { type Architecture, attentionLayer } from '../architecture/architecture.ts';

// If attention sees the latest tokens alone, their keys and values lie in a ring. Its size follows from the model
// alone, so that a state can move between devices.

/** Tokens that keys and values grow by at least. */
export const CACHE_BLOCK = 256;

/** Tokens, rounded up to what keys and values grow by. */
export function roundUp(tokens: number): number {
  return Math.ceil(tokens / CACHE_BLOCK) * CACHE_BLOCK;
}

/** Rows of the ring of a window: besides what the window sees, room for the tokens of a pass. */
function ringOfWindow(window: number): number {
  return roundUp(window + Math.max(CACHE_BLOCK, window / 4));
}

/** Rows of the ring of block `index`; undefined where its cache holds all tokens. */
export function ringOf(architecture: Architecture, index: number): number | undefined {
  const { window } = architecture.attention ?? {};
  return window !== undefined && attentionLayer(architecture, index).window ? ringOfWindow(window) : undefined;
}

/** Tokens that a pass may have: it appends all of them before the first looks back. */
export function longestPass({ attention }: Architecture): number {
  const { window } = attention ?? {};
  return window === undefined ? Infinity : ringOfWindow(window) - window + 1;
}
