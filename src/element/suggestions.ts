// Questions that a chat offers: some to begin with, and those that follow on what was asked.

import type { Suggestion } from '../engine/protocol.ts';

export type { Suggestion } from '../engine/protocol.ts';

/** A suggestion as its questions, in their order. */
export function stepsOf(suggestion: Suggestion): readonly [string, ...string[]] {
  return typeof suggestion === 'string' ? [suggestion] : suggestion;
}

/**
 * The follow-up questions of a chat: the next step of each suggestion whose steps so far are the chat's last questions.
 *
 * @example
 * followUps([['Capital of France?', 'And its currency?']], ['Hello!', 'Capital of France?']); // ['And its currency?']
 */
export function followUps(suggestions: readonly Suggestion[], questions: readonly string[]): string[] {
  const next = suggestions.flatMap((suggestion) => {
    const steps = stepsOf(suggestion);
    return steps.filter((_, index) => index > 0 && endsWith(questions, steps.slice(0, index)));
  });
  return [...new Set(next)];
}

function endsWith(questions: readonly string[], steps: readonly string[]): boolean {
  const last = questions.slice(-steps.length);
  return last.length === steps.length && last.every((question, index) => isSame(question, steps[index] ?? ''));
}

/** However it was typed. */
function isSame(one: string, other: string): boolean {
  return one.trim().toLowerCase() === other.trim().toLowerCase();
}
