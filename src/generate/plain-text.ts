import type { Characters } from './characters.ts';
import { characters, type Expression, reference, textOf } from './grammar.ts';
import { patternMachine } from './pattern.ts';

/**
 * The texts that a regular expression matches as a whole, from their first character to their last.
 * @throws BambaError `setting_invalid` for what is no pattern, cannot be kept to, or matches nothing
 */
export function patternGrammar(source: string): Expression {
  return textOf(patternMachine(source, null, true), spelling);
}

/** Characters beyond ASCII are built once, however many states they lead on from. */
function spelling(set: Characters): Expression {
  const expression = characters(set);
  return set.every(([, high]) => high < 0x80) ? expression : reference({ expression });
}
