import { BambaError } from '../errors.ts';
import type { ChatMessage, TokenizingEngine } from '../engine/protocol.ts';
import { WHITESPACE } from '../text/jinja/whitespace.ts';
import { Comparison } from './exact-match.ts';
import { bitsMetric, meanMetric, type Metric, perplexityMetric } from './metrics.ts';
import { type Context, contextText, type Question, questionsOf } from './questions.ts';
import { greedyAnswer, scoreTokens, type SequenceScore } from './scoring.ts';
import { invalid, type TaskFile, type TaskHead } from './task-file.ts';
import { textWindows } from './windows.ts';
import { anyWork, type Part, type Work } from './work.ts';

const SPACES = new RegExp(`[${WHITESPACE}]+`);
const SPACES_AT_END = new RegExp(`[${WHITESPACE}]+$`);

/** How the questions of a task are asked. */
interface Asking {
  readonly head: TaskHead;
  /** The name of the task, for people. */
  readonly name: string;
  /** Whether as chats. */
  readonly chat: boolean;
}

/** What a question of choices gave. */
interface ChoiceOutcome extends Record<string, unknown> {
  /** Log-likelihood of each choice behind the context. */
  loglikelihoods: number[];
  gold: readonly number[];
  acc: number;
  acc_norm: number;
}

/** What an answer in words gave. */
interface AnswerOutcome extends Record<string, unknown> {
  answer: string;
  filtered: string;
  targets: readonly string[];
  exact_match: number;
}

/** What a text gave. */
interface TextOutcome extends Record<string, unknown> {
  loglikelihood: number;
  words: number;
  bytes: number;
  tokens: number;
}

/**
 * A task as work for an engine, in the conventions of lm-evaluation-harness.
 * @param chats whether the model takes chats; tasks may ask for them
 * @param limit questions, at most
 * @throws BambaError `setting_invalid` that names the line of the file
 */
export function taskWork(file: TaskFile, { chats, limit }: { chats: boolean; limit: number }): Work {
  const { head } = file;
  const chat = chats && head.apply_chat_template;
  const asking = { head, name: head.task, chat };
  const questions = questionsOf(file).slice(0, limit);
  const compare = new Comparison(head, `${file.file}, line 1`);
  const common = {
    name: head.task,
    facts: [`${questions.length} questions, ${head.num_fewshot} examples each${chat ? ', as chats' : ''}`],
    content: JSON.stringify([head, chat, questions.map(({ where: _where, ...question }) => question)]),
  };
  const parts = <Type extends Question['type'], Result>(
    type: Type,
    run: (
      engine: TokenizingEngine,
      question: Extract<Question, { type: Type }>,
      signal: AbortSignal | undefined,
    ) => Promise<Result>,
  ): Part<Result>[] =>
    questions
      .filter((question): question is Extract<Question, { type: Type }> => question.type === type)
      .map((question) => ({
        id: question.id,
        size: sizeOf(question, head),
        run: (engine, signal) => run(engine, question, signal),
      }));
  switch (head.output_type) {
    case 'multiple_choice':
      return anyWork<ChoiceOutcome>({
        ...common,
        parts: parts(head.output_type, (engine, question, signal) => choose(engine, question, asking, signal)),
        metrics: (outcomes) => [
          meanMetric(
            'acc',
            outcomes.map(({ acc }) => acc),
          ),
          meanMetric(
            'acc_norm',
            outcomes.map((outcome) => outcome.acc_norm),
          ),
        ],
      });
    case 'generate_until':
      return anyWork<AnswerOutcome>({
        ...common,
        parts: parts(head.output_type, async (engine, { context, targets, where }, signal) => {
          const { until = head.fewshot_delimiter, max_gen_toks: maxTokens } = head.generation_kwargs;
          const prompt = await contextIds(engine, context, asking, signal);
          const stop = Array.isArray(until) ? until : [until];
          const answer = await greedyAnswer(engine, prompt, { stop, maxTokens, where }, signal);
          const filtered = compare.filtered(answer);
          return { answer, filtered, targets, exact_match: compare.matches(filtered, targets) ? 1 : 0 };
        }),
        metrics: (outcomes) => [
          meanMetric(
            'exact_match',
            outcomes.map((outcome) => outcome.exact_match),
          ),
        ],
      });
    default:
      return anyWork<TextOutcome>({
        ...common,
        facts: [`${questions.length} texts`],
        parts: parts(head.output_type, (engine, { text, where }, signal) => roll(engine, text, where, signal)),
        metrics: textMetrics,
      });
  }
}

/** Characters that are read for a question; a token that is generated takes as long as some that are read. */
function sizeOf(question: Question, head: TaskHead): number {
  if (question.type === 'loglikelihood_rolling') return question.text.length;
  const context = contextText(question.context, head).length;
  if (question.type === 'generate_until') return context + 20 * head.generation_kwargs.max_gen_toks;
  return question.choices.reduce((sum, choice) => sum + context + choice.length, 0);
}

async function choose(
  engine: TokenizingEngine,
  { context, choices, gold, where }: Extract<Question, { type: 'multiple_choice' }>,
  asking: Asking,
  signal: AbortSignal | undefined,
): Promise<ChoiceOutcome> {
  const loglikelihoods: number[] = [];
  for (const choice of choices) {
    const { before, whole } = await choiceIds(engine, context, choice, asking, signal);
    if (whole.length <= before) {
      throw invalid(
        where,
        `the choice ${JSON.stringify(choice)} has no token of its own behind its question. Write it longer`,
      );
    }
    const answer = whole.map((_, index) => (index >= before ? 1 : 0));
    loglikelihoods.push(-(await scoreTokens(engine, { ids: whole, answer }, where, signal)).nll);
  }
  const normed = loglikelihoods.map((value, index) => value / Array.from(choices[index]!).length);
  const right = (values: readonly number[]) => (gold.includes(values.indexOf(Math.max(...values))) ? 1 : 0);
  return { loglikelihoods, gold, acc: right(loglikelihoods), acc_norm: right(normed) };
}

/** The tokens of a context with a choice, and how many of them are before the choice. */
async function choiceIds(
  engine: TokenizingEngine,
  context: Context,
  choice: string,
  asking: Asking,
  signal: AbortSignal | undefined,
): Promise<{ before: number; whole: number[] }> {
  const options = { ...(signal && { signal }) };
  if (asking.chat) {
    const messages = chatOf(context);
    const before = await engine.tokenize(messages, options);
    const begun = [...messages, { role: 'assistant' as const, content: choice }];
    const whole = await engine.tokenize(begun, { ...options, continueLast: true });
    return { before: before.length, whole };
  }
  const text = contextText(context, asking.head);
  const continuation = `${asking.head.target_delimiter}${choice}`;
  // Spaces go with what follows them: so do tokens.
  const spaces = SPACES_AT_END.exec(text)?.[0] ?? '';
  const stem = text.slice(0, text.length - spaces.length);
  if (stem === '') {
    const begin = requireBegin(engine, asking.name);
    return { before: 1, whole: [begin, ...(await textIds(engine, `${spaces}${continuation}`, signal))] };
  }
  const whole = await textIds(engine, `${stem}${spaces}${continuation}`, signal);
  return { before: (await textIds(engine, stem, signal)).length, whole };
}

async function contextIds(
  engine: TokenizingEngine,
  context: Context,
  { chat, head }: Asking,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  if (chat) return engine.tokenize(chatOf(context), { ...(signal && { signal }) });
  return textIds(engine, contextText(context, head), signal);
}

function textIds(engine: TokenizingEngine, text: string, signal: AbortSignal | undefined): Promise<number[]> {
  return engine.tokenize(text, { addSpecialTokens: false, ...(signal && { signal }) });
}

/** A context as a chat: the examples are its earlier turns. */
function chatOf({ description, examples, question }: Context): ChatMessage[] {
  return [
    ...(description === '' ? [] : [{ role: 'system' as const, content: description }]),
    ...examples.flatMap((one) => [
      { role: 'user' as const, content: one.question },
      { role: 'assistant' as const, content: one.answer },
    ]),
    { role: 'user', content: question },
  ];
}

/** The token before a text. @throws BambaError `setting_invalid` where the model has none. */
export function requireBegin(engine: TokenizingEngine, where: string): number {
  const { beginId, name } = engine.info.model;
  if (beginId !== undefined) return beginId;
  throw new BambaError(
    'setting_invalid',
    `${where} is a text without anything before it, and the tokenizer of ${name} names no bos_token or eos_token to begin with. ` +
      'Name one in tokenizer_config.json.',
  );
}

async function roll(
  engine: TokenizingEngine,
  text: string,
  where: string,
  signal: AbortSignal | undefined,
): Promise<TextOutcome> {
  const ids = await textIds(engine, text, signal);
  const size = engine.info.model.contextLength;
  let sum: Pick<SequenceScore, 'nll' | 'tokens'> = { nll: 0, tokens: 0 };
  for (const window of textWindows(ids, requireBegin(engine, where), { size, stride: size - 1 })) {
    const { nll, tokens } = await scoreTokens(engine, window, where, signal);
    sum = { nll: sum.nll + nll, tokens: sum.tokens + tokens };
  }
  const bytes = new TextEncoder().encode(text).length;
  return { loglikelihood: -sum.nll, words: text.split(SPACES).length, bytes, tokens: sum.tokens };
}

function textMetrics(outcomes: readonly TextOutcome[]): Metric[] {
  const weighed = (unit: 'words' | 'bytes') =>
    outcomes.map((outcome) => ({ loglikelihood: outcome.loglikelihood, weight: outcome[unit] }));
  return [
    perplexityMetric('word_perplexity', weighed('words')),
    perplexityMetric('byte_perplexity', weighed('bytes')),
    bitsMetric('bits_per_byte', weighed('bytes')),
  ];
}
