import { BambaError } from '../../errors.ts';
import { SAMPLING_NAMES } from '../../sampling.ts';
import type { ChatMessage, GenerationRequest, TokenizeOptions, Tool } from '../protocol.ts';

const ROLES = ['system', 'user', 'assistant', 'tool'];
/** Likeliest tokens that may be named for each one. */
const MOST_LOGPROBS = 20;
const FIELDS = new Set<string>([
  'messages',
  'prompt',
  'tools',
  'toolChoice',
  'json',
  'pattern',
  'continueLast',
  'readAhead',
  'conversation',
  'contextOverflow',
  'logprobs',
  'promptLogprobs',
  'maxTokens',
  'stop',
  'logitBias',
  ...SAMPLING_NAMES,
] satisfies (keyof GenerationRequest)[]);

/** The input of a model. */
export type PromptInput =
  | {
      messages: readonly ChatMessage[];
      /** The last message is unfinished, and the answer goes on with it. */
      continueLast: boolean;
      /** Nothing is answered. */
      readAhead: boolean;
    }
  | {
      prompt: string | readonly number[];
      /** Whether a text gets what the tokenizer puts around texts; it does where this is left out. */
      addSpecialTokens?: boolean;
    };

/** A request's parts, checked. */
export interface ParsedRequest {
  input: PromptInput;
  /** Empty where no tool may be called. */
  tools: readonly Tool[];
  toolChoice: 'auto' | 'required' | { name: string };
  json: { schema?: unknown } | undefined;
  pattern: string | undefined;
  logprobs: number | undefined;
  promptLogprobs: number | undefined;
  conversation: string | undefined;
  maxTokens: number;
  contextOverflow: 'refuse' | 'drop-oldest-turns';
  stop: string[];
  /** All other fields: the sampling settings. */
  sampling: object;
}

/**
 * Checks what a request says apart from sampling.
 * @throws BambaError `setting_invalid`, `prompt_empty`, with the field's name.
 */
export function parseRequest(request: GenerationRequest): ParsedRequest {
  const unknown = Object.keys(request).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) {
    throw new BambaError('setting_invalid', `There is no setting ${JSON.stringify(unknown)}.`);
  }
  const { messages, prompt, maxTokens, stop, tools, toolChoice = 'auto', json, logprobs, ...others } = request;
  const { continueLast, readAhead, pattern, conversation, promptLogprobs, ...more } = others;
  const { contextOverflow = 'refuse', ...sampling } = more;
  if ((messages === undefined) === (prompt === undefined)) {
    throw new BambaError('setting_invalid', 'Give either messages or prompt.');
  }
  if (maxTokens !== undefined && (!Number.isSafeInteger(maxTokens) || maxTokens < 0)) {
    throw new BambaError('setting_invalid', `maxTokens is ${String(maxTokens)}; give a whole number from 0 on.`);
  }
  if (contextOverflow !== 'refuse' && contextOverflow !== 'drop-oldest-turns') {
    throw new BambaError(
      'setting_invalid',
      `contextOverflow is ${JSON.stringify(contextOverflow)}; give 'refuse' or 'drop-oldest-turns'.`,
    );
  }
  const stops = stop === undefined ? [] : Array.isArray(stop) ? stop : [stop];
  if (stops.some((text) => typeof text !== 'string')) {
    throw new BambaError('setting_invalid', 'stop takes a string or a list of strings.');
  }
  for (const [name, count] of Object.entries({ logprobs, promptLogprobs })) {
    if (count === undefined || (Number.isInteger(count) && count >= 0 && count <= MOST_LOGPROBS)) continue;
    throw new BambaError('setting_invalid', `${name} is ${String(count)}; give 0 to ${MOST_LOGPROBS}.`);
  }
  if (conversation !== undefined && !isName(conversation)) {
    throw new BambaError('setting_invalid', 'conversation takes a name of 1 to 200 characters.');
  }
  const offered = checkTools(tools, toolChoice, messages === undefined);
  if (pattern !== undefined && typeof pattern !== 'string') {
    throw new BambaError('setting_invalid', 'pattern takes the source of a regular expression, a string.');
  }
  if (json !== undefined && pattern !== undefined) {
    throw new BambaError('setting_invalid', 'json and pattern exclude each other. Give one of them.');
  }
  if ((json ?? pattern) !== undefined && offered.length > 0) {
    const form = json === undefined ? 'pattern' : 'json';
    throw new BambaError(
      'setting_invalid',
      `${form} and tools exclude each other. Set toolChoice to 'none' for an answer of that form.`,
    );
  }
  if (
    continueLast &&
    ((json ?? pattern) !== undefined || toolChoice === 'required' || typeof toolChoice === 'object')
  ) {
    throw new BambaError(
      'setting_invalid',
      'continueLast goes neither with json or pattern nor with a tool that has to be called.',
    );
  }
  return {
    input: promptInput(request),
    maxTokens: readAhead ? 0 : (maxTokens ?? Infinity),
    contextOverflow,
    stop: stops,
    tools: offered,
    toolChoice: toolChoice === 'none' ? 'auto' : toolChoice,
    json,
    pattern,
    logprobs,
    promptLogprobs,
    conversation,
    sampling,
  };
}

/** Names of conversations are keys of a database. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 200;
}

/** The input of a request. @throws BambaError `setting_invalid`, `prompt_empty`. */
function promptInput({ messages, prompt, ...ending }: GenerationRequest): PromptInput {
  if (messages !== undefined) {
    const input = chatInput(messages, ending);
    const last = messages.at(-1);
    if (!last || isBlankQuestion(last)) {
      throw new BambaError('prompt_empty', 'There is no question: the last message is empty.');
    }
    return input;
  }
  requireNoEnding(ending);
  const given = checkPrompt(prompt);
  if (given.length === 0) throw new BambaError('prompt_empty', 'The prompt is empty: there is nothing to continue.');
  return { prompt: given };
}

/**
 * The input that is counted or made into tokens; it may be empty.
 * @throws BambaError `setting_invalid`
 */
export function parseTokenInput(
  input: unknown,
  { tools, addSpecialTokens = true, ...ending }: TokenizeOptions,
): Pick<ParsedRequest, 'input' | 'tools'> {
  const offered = checkTools(tools, 'auto', typeof input === 'string');
  if (typeof input !== 'string') return { input: chatInput(input, ending), tools: offered };
  requireNoEnding(ending);
  if (typeof addSpecialTokens !== 'boolean') {
    throw new BambaError('setting_invalid', 'addSpecialTokens takes true or false.');
  }
  return { input: { prompt: input, addSpecialTokens }, tools: offered };
}

/** How the prompt of a chat ends. */
type Ending = Pick<GenerationRequest, 'continueLast' | 'readAhead'>;

function requireNoEnding({ continueLast, readAhead }: Ending): void {
  if (!continueLast && !readAhead) return;
  const name = continueLast ? 'continueLast' : 'readAhead';
  throw new BambaError('setting_invalid', `${name} goes with messages, not with a text.`);
}

/** Only a text that an assistant began can be gone on with. */
function chatInput(given: unknown, { continueLast = false, readAhead = false }: Ending): PromptInput {
  const messages = checkMessages(given);
  if (typeof readAhead !== 'boolean' || (readAhead && continueLast)) {
    throw new BambaError('setting_invalid', 'readAhead takes true or false, and does not go with continueLast.');
  }
  const last = messages.at(-1);
  const begun = last?.role === 'assistant' && last.content !== '' && !last.toolCalls?.length;
  if (typeof continueLast !== 'boolean' || (continueLast && !begun)) {
    throw new BambaError(
      'setting_invalid',
      'continueLast takes true or false, and messages of which the last one is the text of an assistant.',
    );
  }
  return { messages, continueLast, readAhead };
}

function isBlankQuestion({ role, content }: ChatMessage): boolean {
  return role === 'user' && content.trim() === '';
}

/** The tools that may be called. */
function checkTools(tools: unknown, choice: unknown, promptOnly: boolean): readonly Tool[] {
  if (tools === undefined && (choice === 'auto' || choice === 'none')) return [];
  const list: unknown = tools ?? [];
  if (!Array.isArray(list) || !list.every(isTool)) {
    throw new BambaError(
      'setting_invalid',
      'tools takes a list of tools: a name, a description and a JSON schema as parameters.',
    );
  }
  if (choice === 'none' || (choice === 'auto' && list.length === 0)) return [];
  if (promptOnly) throw new BambaError('setting_invalid', 'tools go with messages, not with a prompt.');
  if (choice === 'auto' || (choice === 'required' && list.length > 0)) return list;
  const { name } = (typeof choice === 'object' && choice !== null ? choice : {}) as { name?: unknown };
  if (list.some((tool) => tool.name === name)) return list;
  throw new BambaError(
    'setting_invalid',
    "toolChoice takes 'auto', 'none', 'required', or the name of one of the tools: { name }.",
  );
}

function isTool(value: unknown): value is Tool {
  const { name, description, parameters } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof name === 'string' &&
    /^[\w.-]{1,128}$/.test(name) &&
    (description === undefined || typeof description === 'string') &&
    (parameters === undefined || (typeof parameters === 'object' && parameters !== null))
  );
}

/** Ids of tokens. @throws BambaError `setting_invalid`. */
export function checkIds(ids: unknown): readonly number[] {
  if (areIds(ids)) return ids;
  throw new BambaError('setting_invalid', 'Tokens are given as a list of their ids, whole numbers from 0 on.');
}

function areIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((id) => Number.isInteger(id) && (id as number) >= 0);
}

function checkPrompt(prompt: unknown): string | readonly number[] {
  if (typeof prompt !== 'string' && !areIds(prompt)) {
    throw new BambaError('setting_invalid', 'prompt takes a string, or a list of token ids.');
  }
  return prompt;
}

function checkMessages(messages: unknown): ChatMessage[] {
  if (!Array.isArray(messages)) throw new BambaError('setting_invalid', 'messages takes a list of messages.');
  const list = messages as Partial<ChatMessage>[];
  for (const [index, message] of list.entries()) {
    if (message?.toolCalls !== undefined && !isCalls(message.toolCalls)) {
      throw new BambaError(
        'setting_invalid',
        `toolCalls of message ${index + 1} takes a list of calls: id and name, both strings, and arguments, the JSON of an object.`,
      );
    }
    if (!ROLES.includes(message?.role ?? '') || typeof message.content !== 'string') {
      throw new BambaError(
        'setting_invalid',
        `Message ${index + 1} needs a role (${ROLES.join(', ')}) and a content that is a string.`,
      );
    }
  }
  return list as ChatMessage[];
}

/** The arguments may be any text, or left out: earlier turns come back as clients stored them. */
function isCalls(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((call: Record<string, unknown> | null) => {
      const given = call?.['arguments'] ?? '';
      return typeof call?.['id'] === 'string' && typeof call['name'] === 'string' && typeof given === 'string';
    })
  );
}
