// Bounds on what a template may cost. A template comes from a stranger's repository and runs to its end in one go: no
// abort is heard meanwhile. So its work is counted, not timed, and the same template ends at the same place everywhere.

import { TemplateOverrun } from './faults.ts';

/**
 * Steps of one rendering: nodes evaluated, and items and characters handled inside of filters. They take about a
 * second. Published templates take 20 to 400 steps a message, so that a conversation of 10,000 messages fits.
 */
export const MAX_STEPS = 20_000_000;
/** Characters that count as one step where text is copied. */
const CHARACTERS_PER_STEP = 16;
/** UTF-16 units of one text, also of the prompt: far beyond any context, and far below what exhausts memory. */
export const MAX_TEXT = 2 ** 25;
/** Macros and recursive loops inside each other; jinja2 ends at about 300. */
export const MAX_CALLS = 200;
/** Brackets, operators in a row and blocks inside each other; Python's own parser ends there, too. */
export const MAX_NESTING = 200;
/** Bits of an integer, about 4,300 digits: Python prints no longer ones. */
export const MAX_INTEGER_BITS = 14_284n;

// One rendering runs at a time, and to its end: so the count stands here instead of in every signature.
let stepsLeft = 0;
let callsLeft = 0;

/** Runs a rendering with a budget of its own. */
export function withBudget<Result>(work: () => Result): Result {
  const [steps, calls] = [stepsLeft, callsLeft];
  [stepsLeft, callsLeft] = [MAX_STEPS, MAX_CALLS];
  try {
    return work();
  } finally {
    [stepsLeft, callsLeft] = [steps, calls];
  }
}

/** Counts work. */
export function spend(steps: number): void {
  stepsLeft -= steps;
  if (stepsLeft < 0) {
    throw new TemplateOverrun(`it takes more than ${MAX_STEPS.toLocaleString('en')} steps`);
  }
}

/** Counts text of some length that is copied, and refuses one that is too long. */
export function spendText(length: number, copied = length): void {
  if (length > MAX_TEXT) {
    throw new TemplateOverrun(`it makes a text of more than ${MAX_TEXT.toLocaleString('en')} characters`);
  }
  spend(copied / CHARACTERS_PER_STEP);
}

/** Runs one call inside of others. */
export function nested<Result>(work: () => Result): Result {
  if (callsLeft <= 0) throw new TemplateOverrun(`its macros or loops call each other more than ${MAX_CALLS} deep`);
  callsLeft--;
  try {
    return work();
  } finally {
    callsLeft++;
  }
}
