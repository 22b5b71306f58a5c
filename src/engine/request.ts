import { BambaError } from '../errors.ts';
import type { ChatMessage, GenerationRequest, Tool } from './protocol.ts';

const ROLES = ['system', 'user', 'assistant', 'tool'];
/** Likeliest tokens that may be named for each one. */
const MOST_LOGPROBS = 20;
const FIELDS = new Set<string>([
  'messages',
  'prompt',
  'tools',
  'toolChoice',
  'continueLast',
  'json',
  'logprobs',
  'maxTokens',
  'stop',
  'temperature',
  'topK',
  'topP',
  'minP',
  'repetitionPenalty',
  'presencePenalty',
  'frequencyPenalty',
  'logitBias',
  'seed',
] satisfies (keyof GenerationRequest)[]);

/** A request's parts, checked. */
export interface ParsedRequest {
  input: { messages: readonly ChatMessage[] } | { prompt: string | readonly number[] };
  /** None where no tool may be called. */
  tools: readonly Tool[];
  toolChoice: 'auto' | 'required' | { name: string };
  /** The last message is unfinished, and the answer goes on with it. */
  continueLast: boolean;
  json: { schema?: unknown } | undefined;
  logprobs: number | undefined;
  maxTokens: number;
  stop: string[];
  /** What is left: the sampling settings. */
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
  const { continueLast = false, ...sampling } = others;
  if ((messages === undefined) === (prompt === undefined)) {
    throw new BambaError('setting_invalid', 'Give either messages or prompt.');
  }
  if (maxTokens !== undefined && (!Number.isSafeInteger(maxTokens) || maxTokens < 1)) {
    throw new BambaError('setting_invalid', `maxTokens is ${String(maxTokens)}; give a whole number from 1 on.`);
  }
  const stops = stop === undefined ? [] : Array.isArray(stop) ? stop : [stop];
  if (stops.some((text) => typeof text !== 'string')) {
    throw new BambaError('setting_invalid', 'stop takes a string or a list of strings.');
  }
  if (logprobs !== undefined && !(Number.isInteger(logprobs) && logprobs >= 0 && logprobs <= MOST_LOGPROBS)) {
    throw new BambaError('setting_invalid', `logprobs is ${String(logprobs)}; give 0 to ${MOST_LOGPROBS}.`);
  }
  const offered = checkTools(tools, toolChoice, messages === undefined);
  if (json !== undefined && offered.length > 0) {
    throw new BambaError(
      'setting_invalid',
      "json and tools exclude each other. Set toolChoice to 'none' for an answer in JSON.",
    );
  }
  if (continueLast) checkContinued(request);
  return {
    continueLast,
    input: messages === undefined ? { prompt: checkPrompt(prompt) } : { messages: checkMessages(messages) },
    maxTokens: maxTokens ?? Infinity,
    stop: stops,
    tools: offered,
    toolChoice: toolChoice === 'none' ? 'auto' : toolChoice,
    json,
    logprobs,
    sampling,
  };
}

/** Only a text that an assistant began can be gone on with. A form of the whole answer says nothing of a part. */
function checkContinued({ messages, json, toolChoice, continueLast }: GenerationRequest): void {
  const last: Partial<ChatMessage> | undefined = Array.isArray(messages) ? messages.at(-1) : undefined;
  const begun = last?.role === 'assistant' && last.content !== '' && !last.toolCalls?.length;
  if (continueLast !== true || !begun) {
    throw new BambaError(
      'setting_invalid',
      'continueLast takes true or false, and messages of which the last one is the text of an assistant.',
    );
  }
  if (json !== undefined || toolChoice === 'required' || typeof toolChoice === 'object') {
    throw new BambaError(
      'setting_invalid',
      'continueLast goes neither with json nor with a tool that has to be called.',
    );
  }
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

function checkPrompt(prompt: unknown): string | readonly number[] {
  const isIds = Array.isArray(prompt) && prompt.every((id) => Number.isInteger(id) && id >= 0);
  if (typeof prompt !== 'string' && !isIds) {
    throw new BambaError('setting_invalid', 'prompt takes a string, or a list of token ids.');
  }
  const given = prompt as string | readonly number[];
  if (given.length === 0) throw new BambaError('prompt_empty', 'The prompt is empty: there is nothing to continue.');
  return given;
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
  const last = list.at(-1);
  if (!last || (last.role === 'user' && last.content!.trim() === '')) {
    throw new BambaError('prompt_empty', 'There is no question: the last message is empty.');
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
