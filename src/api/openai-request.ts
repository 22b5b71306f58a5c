import type { ChatMessage, GenerationRequest, Tool, ToolCall } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { SAMPLING, SAMPLING_NAMES } from '../sampling.ts';
import { INERT, withoutInert } from './openai-fields.ts';
import type {
  ChatCompletionMessageParam,
  ChatCompletionParams,
  CompletionParams,
  ContentPart,
  ResponseFormat,
  SharedParams,
} from './openai-types.ts';

const MOST_ANSWERS = 16;

const SHARED: readonly (keyof SharedParams)[] = [
  'model',
  'stream',
  'stream_options',
  'n',
  'stop',
  'max_tokens',
  ...SAMPLING_NAMES.map((name) => SAMPLING[name].snake as keyof SharedParams),
  'logit_bias',
  'abortSignal',
];
const CHAT: readonly (keyof ChatCompletionParams)[] = [
  ...SHARED,
  'messages',
  'max_completion_tokens',
  'logprobs',
  'top_logprobs',
  'response_format',
  'tools',
  'tool_choice',
  'context_overflow',
  'conversation',
];
const TEXT: readonly (keyof CompletionParams)[] = [...SHARED, 'prompt', 'echo', 'logprobs'];

/** The request in the engine's terms. */
export interface OpenAiRequest {
  request: GenerationRequest;
  answers: number;
  includeUsage: boolean;
  signal: AbortSignal | undefined;
  /** Whether it waits for what came before it. */
  queue?: boolean | undefined;
}

/** @throws BambaError `setting_invalid` for parameters that are not known, or cannot be kept to */
export function chatRequest(params: ChatCompletionParams, model: string): OpenAiRequest {
  const given = known(withoutInert(withoutNull(params), INERT.chat), CHAT, 'chat.completions.create');
  const both = [given.max_tokens, given.max_completion_tokens].filter((count) => count !== undefined);
  if (new Set(both).size > 1) {
    throw invalid('max_tokens and max_completion_tokens mean the same and differ. Give one of them.');
  }
  if (given.top_logprobs && given.logprobs !== true) throw invalid('top_logprobs needs logprobs: true.');
  if (!Array.isArray(given.messages)) throw invalid('messages takes a list of messages.');
  const json = jsonForm(given.response_format);
  const [maxTokens] = both;
  return {
    ...shared(given, model),
    request: {
      ...settings(given),
      messages: (given.messages as readonly ChatCompletionMessageParam[]).map(chatMessage),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(given.logprobs && { logprobs: given.top_logprobs ?? 0 }),
      ...(json && { json }),
      ...(given.tools && { tools: given.tools.map(tool) }),
      ...(given.tool_choice && { toolChoice: toolChoice(given.tool_choice) }),
      ...(given.context_overflow && { contextOverflow: given.context_overflow }),
      ...(given.conversation !== undefined && { conversation: given.conversation }),
    },
  };
}

/** A request of `completions.create`: `request` with each of the prompts. */
export interface CompletionRequest extends OpenAiRequest {
  prompts: readonly (string | readonly number[])[];
  echo: boolean;
}

/** @throws BambaError `setting_invalid` as `chatRequest` */
export function completionRequest(params: CompletionParams, model: string): CompletionRequest {
  const given = known(withoutInert(withoutNull(params), INERT.text), TEXT, 'completions.create');
  const { max_tokens: maxTokens, logprobs, echo = false } = given;
  if (typeof echo !== 'boolean') throw invalid('echo takes true or false.');
  const prompts = promptsOf(given.prompt);
  return {
    ...shared(given, model),
    prompts,
    echo,
    request: {
      ...settings(given),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(logprobs !== undefined && { logprobs }),
    },
  };
}

/** Parameters without those that are null, which count as left out. */
type Given<Params> = { [Name in keyof Params]?: Exclude<Params[Name], null> };

function withoutNull<Params extends object>(params: Params): Given<Params> {
  const given = Object.entries(params ?? {}).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(given) as Given<Params>;
}

function known<Params extends object>(
  given: Given<Params>,
  names: readonly (keyof Params)[],
  method: string,
): Given<Params> {
  const unknown = Object.keys(given).find((name) => !(names as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw invalid(`${method} takes no parameter ${JSON.stringify(unknown)}. It takes: ${names.join(', ')}.`);
  }
  return given;
}

/** The prompts, whether one is given or a list. */
function promptsOf(prompt: CompletionParams['prompt'] | undefined): CompletionRequest['prompts'] {
  if (prompt === undefined) throw invalid('prompt is missing: give a text, a list of token ids, or a list of either.');
  if (!Array.isArray(prompt)) return [prompt as string];
  const given: readonly unknown[] = prompt;
  if (given.every((one) => typeof one === 'string') || given.every((one) => Array.isArray(one))) {
    if (given.length > 0) return given as readonly string[] | readonly (readonly number[])[];
    throw new BambaError('prompt_empty', 'The list of prompts is empty: there is nothing to continue.');
  }
  return [given as readonly number[]];
}

function shared(given: Given<SharedParams>, loaded: string): Omit<OpenAiRequest, 'request'> {
  const { n = 1, model, stream, stream_options: options, abortSignal } = given;
  if (!Number.isInteger(n) || n < 1 || n > MOST_ANSWERS) {
    throw invalid(`n is ${n}; give a whole number from 1 to ${MOST_ANSWERS}.`);
  }
  if (model !== undefined && model !== loaded) {
    throw invalid(
      `The engine has the model ${JSON.stringify(loaded)}, not ${JSON.stringify(model)}. Leave model out, or create an engine with it.`,
    );
  }
  return { answers: n, includeUsage: stream === true && options?.include_usage === true, signal: abortSignal };
}

function settings(given: Given<SharedParams>): GenerationRequest {
  const { stop, seed } = given;
  const stops = typeof stop === 'string' ? [stop] : stop;
  const numbers = SAMPLING_NAMES.map((name) => [name, given[SAMPLING[name].snake as keyof SharedParams]]);
  const renamed = {
    ...Object.fromEntries(numbers),
    logitBias: given.logit_bias,
    // Clients have seeds of 64 bits, with a sign.
    seed: Number.isInteger(seed) ? ((seed! % 2 ** 32) + 2 ** 32) % 2 ** 32 : seed,
    stop: Array.isArray(stops) ? stops.filter((text) => text !== '') : stops,
  };
  return Object.fromEntries(Object.entries(renamed).filter(([, value]) => value !== undefined));
}

/** Further fields of OpenAI's messages; null for nothing. */
const LOST = ['audio', 'function_call'];

function chatMessage(message: ChatCompletionMessageParam, index: number): ChatMessage {
  const { role, content, refusal, name, tool_calls: calls, tool_call_id: toolCallId } = message;
  const lost = Object.entries(message).find(([field, value]) => LOST.includes(field) && (value ?? null) !== null)?.[0];
  if (lost !== undefined) throw invalid(`Message ${index + 1} has ${lost}, which these models cannot be told.`);
  if (role === 'function') throw invalid(`Message ${index + 1} has the role "function"; its follower is "tool".`);
  return {
    role: role === 'developer' ? 'system' : role,
    content: contentText(content ?? refusal ?? '', index),
    ...(name !== undefined && { name }),
    ...(toolCallId !== undefined && { toolCallId }),
    ...(calls && calls.length > 0 && { toolCalls: calls.map(toolCall) }),
  };
}

function contentText(content: string | readonly ContentPart[], index: number): string {
  if (typeof content === 'string') return content;
  const other = content.find((part) => part.type !== 'text' && part.type !== 'refusal');
  if (other) {
    throw invalid(
      `Message ${index + 1} has a part of type ${JSON.stringify(other.type)}; these models take text alone.`,
    );
  }
  return content.map((part) => part.text ?? part.refusal ?? '').join('');
}

function toolCall(call: NonNullable<ChatCompletionMessageParam['tool_calls']>[number]): ToolCall {
  if (call.type !== 'function') throw noFunction(call.type);
  return { id: call.id, name: call.function.name, arguments: call.function.arguments };
}

function tool(given: NonNullable<ChatCompletionParams['tools']>[number]): Tool {
  if (given.type !== 'function') throw noFunction(given.type);
  const { name, description, parameters } = given.function;
  return { name, ...(description !== undefined && { description }), ...(parameters && { parameters }) };
}

function toolChoice(choice: NonNullable<ChatCompletionParams['tool_choice']>): GenerationRequest['toolChoice'] & {} {
  if (typeof choice === 'string') return choice;
  if (choice.type !== 'function') throw noFunction(choice.type);
  return { name: choice.function.name };
}

function noFunction(type: string): BambaError {
  return invalid(`There are no tools of type ${JSON.stringify(type)}; there are functions.`);
}

function jsonForm(format: ResponseFormat | undefined): GenerationRequest['json'] {
  switch (format?.type) {
    case undefined:
    case 'text':
      return undefined;
    case 'json_object':
      return {};
    case 'json_schema':
      return { schema: format.json_schema?.schema ?? {} };
    default:
      throw invalid('response_format is of type text, json_object or json_schema.');
  }
}

function invalid(sentence: string): BambaError {
  return new BambaError('setting_invalid', sentence);
}
