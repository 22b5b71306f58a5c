import type { ChatMessage, GenerationRequest, Tool, ToolCall } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
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
  'seed',
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'repetition_penalty',
  'presence_penalty',
  'frequency_penalty',
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
];
const TEXT: readonly (keyof CompletionParams)[] = [...SHARED, 'prompt', 'logprobs'];

/** What was asked for, in the engine's terms. */
export interface OpenAiRequest {
  request: GenerationRequest;
  answers: number;
  includeUsage: boolean;
  signal: AbortSignal | undefined;
}

/** @throws BambaError `setting_invalid` for parameters that are not known, or cannot be kept to */
export function chatRequest(params: ChatCompletionParams, model: string): OpenAiRequest {
  const given = known(params, CHAT, 'chat.completions.create');
  if (given.max_tokens !== undefined && given.max_completion_tokens !== undefined) {
    throw invalid('Give max_tokens or max_completion_tokens, not both.');
  }
  if (given.top_logprobs !== undefined && given.logprobs !== true) throw invalid('top_logprobs needs logprobs: true.');
  if (!Array.isArray(given.messages)) throw invalid('messages takes a list of messages.');
  const json = jsonForm(given.response_format);
  const maxTokens = given.max_tokens ?? given.max_completion_tokens;
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
    },
  };
}

/** @throws BambaError `setting_invalid` as `chatRequest` */
export function completionRequest(params: CompletionParams, model: string): OpenAiRequest {
  const given = known(params, TEXT, 'completions.create');
  const { prompt, max_tokens: maxTokens, logprobs } = given;
  return {
    ...shared(given, model),
    request: {
      ...settings(given),
      ...(prompt !== undefined && { prompt }),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(logprobs !== undefined && { logprobs }),
    },
  };
}

/** Parameters without those that are null, which count as left out. */
type Given<Params> = { [Name in keyof Params]?: Exclude<Params[Name], null> };

function known<Params extends object>(params: Params, names: readonly (keyof Params)[], method: string): Given<Params> {
  const given = Object.entries(params ?? {}).filter(([, value]) => value !== null && value !== undefined);
  const unknown = given.find(([name]) => !(names as readonly string[]).includes(name));
  if (unknown) {
    throw invalid(`${method} takes no parameter ${JSON.stringify(unknown[0])}. It takes: ${names.join(', ')}.`);
  }
  return Object.fromEntries(given) as Given<Params>;
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
  if (options && !stream) throw invalid('stream_options go with stream: true.');
  return { answers: n, includeUsage: options?.include_usage ?? false, signal: abortSignal };
}

function settings(given: Given<SharedParams>): GenerationRequest {
  const { stop } = given;
  const renamed = {
    temperature: given.temperature,
    topP: given.top_p,
    topK: given.top_k,
    minP: given.min_p,
    repetitionPenalty: given.repetition_penalty,
    presencePenalty: given.presence_penalty,
    frequencyPenalty: given.frequency_penalty,
    logitBias: given.logit_bias,
    seed: given.seed,
    stop: typeof stop === 'string' || stop === undefined ? stop : [...stop],
  };
  return Object.fromEntries(Object.entries(renamed).filter(([, value]) => value !== undefined));
}

function chatMessage(message: ChatCompletionMessageParam, index: number): ChatMessage {
  const { role, content, name, tool_calls: calls, tool_call_id: toolCallId } = message;
  if (role === 'function') throw invalid(`Message ${index + 1} has the role "function"; its follower is "tool".`);
  return {
    role: role === 'developer' ? 'system' : role,
    content: contentText(content ?? '', index),
    ...(name !== undefined && { name }),
    ...(toolCallId !== undefined && { toolCallId }),
    ...(calls && calls.length > 0 && { toolCalls: calls.map(toolCall) }),
  };
}

function contentText(content: string | readonly ContentPart[], index: number): string {
  if (typeof content === 'string') return content;
  const other = content.find((part) => part.type !== 'text');
  if (other) {
    throw invalid(
      `Message ${index + 1} has a part of type ${JSON.stringify(other.type)}; these models take text alone.`,
    );
  }
  return content.map((part) => part.text ?? '').join('');
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
