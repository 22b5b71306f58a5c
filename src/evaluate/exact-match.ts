import { WHITESPACE } from '../text/jinja/whitespace.ts';
import { type AnswerFilter, type ExactMatch, invalid, type TaskHead } from './task-file.ts';

// The filters and the comparison of answers, as lm-evaluation-harness has them.

const PUNCTUATION = /[!-/:-@[-`{-~]/g;
const AROUND = new RegExp(`^[${WHITESPACE}]+|[${WHITESPACE}]+$`, 'g');

/** What an answer is, and what it is compared by. */
export class Comparison {
  readonly #filters: readonly ((answer: string) => string)[];
  readonly #stripped: (text: string) => string;

  /**
   * @param where the task stands, for people
   * @throws BambaError `setting_invalid` for an expression that JavaScript does not have
   */
  constructor({ filter_list: lists, metric_list: metrics }: TaskHead, where: string) {
    this.#filters = (lists?.[0]?.filter ?? []).map((filter) => filtering(filter, where));
    this.#stripped = metrics?.[0] ? stripping(metrics[0], where) : (text) => text;
  }

  /** What is left of an answer. */
  filtered(answer: string): string {
    return this.#filters.reduce((text, filter) => filter(text), answer);
  }

  /** Whether a filtered answer is one of these. */
  matches(answer: string, targets: readonly string[]): boolean {
    const stripped = this.#stripped(answer);
    return targets.some((target) => this.#stripped(target) === stripped);
  }
}

function filtering(filter: AnswerFilter, where: string): (answer: string) => string {
  switch (filter.function) {
    case 'lowercase':
      return (answer) => answer.toLowerCase();
    case 'uppercase':
      return (answer) => answer.toUpperCase();
    case 'remove_whitespace':
      return (answer) => answer.replaceAll(AROUND, '');
    case 'take_first':
      return (answer) => answer;
    default: {
      const pattern = expression(filter.regex_pattern, where);
      return (answer) => {
        const found = [...answer.matchAll(pattern)].at(filter.group_select);
        return found ? (groupText(found)?.replaceAll(AROUND, '') ?? filter.fallback) : filter.fallback;
      };
    }
  }
}

/** What was found: the whole, the one group, or the first of several groups that has a text. */
function groupText([whole, ...groups]: RegExpExecArray): string | undefined {
  if (groups.length === 0) return whole;
  return groups.length === 1 ? (groups[0] ?? '') : groups.find((group) => group);
}

function stripping(match: ExactMatch, where: string): (text: string) => string {
  const patterns = match.regexes_to_ignore.map((source) => expression(source, where));
  return (text) => {
    let stripped = patterns.reduce((all, pattern) => all.replaceAll(pattern, ''), text);
    if (match.ignore_case) stripped = stripped.toLowerCase();
    if (match.ignore_punctuation) stripped = stripped.replaceAll(PUNCTUATION, '');
    return match.ignore_numbers ? stripped.replaceAll(/\d/g, '') : stripped;
  };
}

function expression(source: string, where: string): RegExp {
  try {
    return new RegExp(source, 'gu');
  } catch (error) {
    throw invalid(where, `${(error as Error).message}. Write it as JavaScript has it`);
  }
}
