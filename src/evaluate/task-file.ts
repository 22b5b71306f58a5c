import * as v from 'valibot';
import { BambaError } from '../errors.ts';

/** A line of a task file that is asked: fields of any names. */
export interface Doc {
  readonly fields: Readonly<Record<string, unknown>>;
  /** Its `id` where it has one, else its place among the lines, from 0 on. */
  readonly id: string;
  /** Where it stands, for people. */
  readonly where: string;
}

const fields = v.record(v.string(), v.unknown());
const list = v.union([v.string(), v.array(v.string())]);
const FILTER = v.variant('function', [
  v.strictObject({
    function: v.literal('regex'),
    regex_pattern: v.string(),
    group_select: v.optional(v.pipe(v.number(), v.integer()), 0),
    fallback: v.optional(v.string(), '[invalid]'),
  }),
  v.strictObject({ function: v.picklist(['lowercase', 'uppercase', 'remove_whitespace', 'take_first']) }),
]);
const EXACT_MATCH = v.strictObject({
  metric: v.literal('exact_match'),
  regexes_to_ignore: v.optional(v.array(v.string()), []),
  ignore_case: v.optional(v.boolean(), false),
  ignore_punctuation: v.optional(v.boolean(), false),
  ignore_numbers: v.optional(v.boolean(), false),
});

const HEAD = v.strictObject({
  task: v.pipe(v.string(), v.nonEmpty()),
  output_type: v.picklist(['multiple_choice', 'generate_until', 'loglikelihood_rolling']),
  description: v.optional(v.string(), ''),
  doc_to_text: v.optional(v.string()),
  doc_to_target: v.optional(v.union([v.string(), v.number()])),
  doc_to_choice: v.optional(list),
  target_delimiter: v.optional(v.string(), ' '),
  fewshot_delimiter: v.optional(v.string(), '\n\n'),
  num_fewshot: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
  fewshot_config: v.optional(
    v.strictObject({ sampler: v.optional(v.literal('first_n')), samples: v.optional(v.array(fields)) }),
    {},
  ),
  generation_kwargs: v.optional(
    v.strictObject({
      until: v.optional(list),
      max_gen_toks: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 256),
      do_sample: v.optional(v.literal(false)),
      temperature: v.optional(v.literal(0)),
    }),
    {},
  ),
  filter_list: v.optional(
    v.pipe(v.array(v.strictObject({ name: v.optional(v.string()), filter: v.array(FILTER) })), v.length(1)),
  ),
  metric_list: v.optional(v.pipe(v.array(EXACT_MATCH), v.length(1))),
  apply_chat_template: v.optional(v.boolean(), false),
  metadata: v.optional(v.unknown()),
});

/** What the first line of a task file says, in the terms of lm-evaluation-harness. */
export type TaskHead = v.InferOutput<typeof HEAD>;
/** What changes an answer before it is compared. */
export type AnswerFilter = v.InferOutput<typeof FILTER>;
/** What is left out of both sides of a comparison. */
export type ExactMatch = v.InferOutput<typeof EXACT_MATCH>;

/** A task file, read. */
export interface TaskFile {
  readonly head: TaskHead;
  readonly docs: readonly Doc[];
  /** The name of the file, for people. */
  readonly file: string;
}

/** The types of answers that need these fields. */
const NEEDED = {
  multiple_choice: ['doc_to_text', 'doc_to_choice', 'doc_to_target'],
  generate_until: ['doc_to_text', 'doc_to_target'],
  loglikelihood_rolling: ['doc_to_target'],
} as const;

/**
 * Reads a task file: JSON lines, of which the first says what is asked, and each other one is asked.
 *
 * ```ts
 * const { head, docs } = parseTaskFile('{"task": "sums", ...}\n{"question": "1 + 2", "answer": "3"}\n', 'sums.jsonl');
 * ```
 * @param file its name, for people
 * @throws BambaError `setting_invalid` that names the line
 */
export function parseTaskFile(text: string, file: string): TaskFile {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line, index) => ({ line, where: `${file}, line ${index + 1}` }))
    .filter(({ line }) => line.trim() !== '');
  const [first, ...rest] = lines.map(({ line, where }) => ({ value: parseLine(line, where), where }));
  if (!first)
    throw invalid(file, 'the file is empty. Its first line says what is asked: docs/EVALUATION.md has examples');
  const head = parseHead(first.value, first.where);
  if (rest.length === 0) throw invalid(file, 'there is nothing to ask. Add a line for each question');
  const seen = new Map<string, string>();
  const docs = rest.map(({ value, where }, index): Doc => {
    const given = value['id'] ?? index;
    if (typeof given !== 'string' && typeof given !== 'number') throw invalid(where, 'its id is no text and no number');
    const id = String(given);
    const other = seen.get(id);
    if (other !== undefined) throw invalid(where, `the id ${id} is that of ${other}, too. Give each line its own`);
    seen.set(id, where);
    return { fields: value, id, where };
  });
  return { head, docs, file };
}

function parseLine(line: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw invalid(where, `this is no JSON (${(error as Error).message}). Each line is one object`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(where, 'this is no object. Each line is one, such as {"question": "1 + 2", "answer": "3"}');
}

function parseHead(value: unknown, where: string): TaskHead {
  const result = v.safeParse(HEAD, value, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    throw invalid(
      where,
      `${v.getDotPath(issue) ?? 'the first line'}: ${issue.message}. docs/EVALUATION.md has the fields`,
    );
  }
  const head = result.output;
  const missing = NEEDED[head.output_type].find((name) => head[name] === undefined);
  if (missing) throw invalid(where, `a task of ${head.output_type} needs ${missing}. Add it to the first line`);
  return head;
}

/** A fault of a task file. */
export function invalid(where: string, what: string): BambaError {
  return new BambaError('setting_invalid', `${where}: ${what}.`);
}
