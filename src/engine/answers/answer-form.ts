import type { Constraint } from '../../generate/constraint.ts';
import { GrammarConstraints } from '../../generate/grammar-constraint.ts';
import { jsonGrammar } from '../../generate/json-grammar.ts';
import { patternGrammar } from '../../generate/plain-text.ts';
import type { ChatTemplate } from '../../text/chat-template.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { readToolFormat, type ToolFormat } from '../../text/tool-format.ts';
import type { ParsedRequest } from '../prompts/request.ts';
import { callGrammar } from './tools.ts';

/** The form that an answer has. */
export interface AnswerForm {
  /** The constraint on the answer; undefined where it is free. */
  constraint: Constraint | undefined;
  /** How calls of tools are written in it; null where there are none. */
  toolFormat: ToolFormat | null;
  /** Special tokens that are text in it. */
  shown: ReadonlySet<number>;
}

const NONE: ReadonlySet<number> = new Set();

/** The forms of answer that a model can give besides text. Each is worked out when a request first asks for it. */
export class AnswerForms {
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  readonly #vocabulary: number;
  readonly #stopIds: readonly number[];
  #plain: GrammarConstraints | null = null;
  #tools: { format: ToolFormat; shown: ReadonlySet<number>; constraints: GrammarConstraints } | null = null;

  constructor(tokenizer: Tokenizer, template: ChatTemplate, vocabulary: number, stopIds: readonly number[]) {
    this.#tokenizer = tokenizer;
    this.#template = template;
    this.#vocabulary = vocabulary;
    this.#stopIds = stopIds;
  }

  /** The form that a request asks for. @throws BambaError `setting_invalid`, `template_failed`, `unsupported_model`. */
  of({
    json,
    pattern,
    tools,
    toolChoice,
  }: Pick<ParsedRequest, 'json' | 'pattern' | 'tools' | 'toolChoice'>): AnswerForm {
    if (tools.length > 0) {
      this.#tools ??= this.#readTools();
      const { format, shown, constraints } = this.#tools;
      const only = typeof toolChoice === 'object' ? toolChoice.name : null;
      const constraint = toolChoice === 'auto' ? undefined : constraints.constrain(callGrammar(format, tools, only));
      return { constraint, toolFormat: format, shown };
    }
    if (!json && pattern === undefined) return { constraint: undefined, toolFormat: null, shown: NONE };
    const grammar = json ? jsonGrammar(json.schema ?? { type: 'object' }) : patternGrammar(pattern!);
    this.#plain ??= this.#constraints(NONE);
    return { constraint: this.#plain.constrain(grammar), toolFormat: null, shown: NONE };
  }

  #readTools(): { format: ToolFormat; shown: ReadonlySet<number>; constraints: GrammarConstraints } {
    const tokenizer = this.#tokenizer;
    const ends = this.#stopIds.flatMap((id) => tokenizer.idToToken(id) ?? []);
    const format = readToolFormat(this.#template, ends);
    const marks = tokenizer.specialTokens.filter((token) => format.begin.includes(token) || format.end.includes(token));
    const shown = new Set(marks.flatMap((token) => tokenizer.tokenToId(token) ?? []));
    return { format, shown, constraints: this.#constraints(shown) };
  }

  #constraints(shown: ReadonlySet<number>): GrammarConstraints {
    return new GrammarConstraints({
      tokenizer: this.#tokenizer,
      size: this.#vocabulary,
      stopIds: this.#stopIds,
      shown,
    });
  }
}
