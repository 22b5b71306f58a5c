import type { ChatCompletionMessageParam, ChatCompletionParams, ContentPart } from '../../api/openai-types.ts';
import { badRequest } from './fault.ts';
import type { Shaped } from './shapes.ts';

type Body = Shaped<'response'>;
type Item = Exclude<Body['input'], string>[number];

/** Parameters that are taken as they are, or change nothing here. */
const KNOWN: readonly string[] = [
  'model',
  'input',
  'instructions',
  'previous_response_id',
  'max_output_tokens',
  'temperature',
  'top_p',
  'tools',
  'tool_choice',
  'text',
  'truncation',
  'stream',
  'store',
  'user',
  'metadata',
  'include',
  'parallel_tool_calls',
  'service_tier',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'stream_options',
];

/**
 * A request of the Responses API as one of chats.
 * @param earlier what was said before
 * @throws HttpFault 400 for what cannot be kept to
 */
export function chatParams(
  body: Body,
  earlier: readonly ChatCompletionMessageParam[],
): Omit<ChatCompletionParams, 'stream' | 'stream_options'> {
  const strange = Object.entries(body).find(([name, value]) => !KNOWN.includes(name) && (value ?? null) !== null)?.[0];
  if (strange !== undefined) {
    throw badRequest(`/v1/responses takes no parameter ${JSON.stringify(strange)}. It takes: ${KNOWN.join(', ')}.`, {
      param: strange,
    });
  }
  const { input, instructions, truncation, tools, tool_choice: choice, text } = body;
  if (!['auto', 'disabled', undefined, null].includes(truncation)) {
    throw badRequest("truncation takes 'auto' or 'disabled'.", { param: 'truncation' });
  }
  const said = typeof input === 'string' ? [{ role: 'user' as const, content: input }] : messagesOf(input);
  const format = text?.format;
  return {
    ...(body.model && { model: body.model }),
    messages: [...(instructions ? [{ role: 'system' as const, content: instructions }] : []), ...earlier, ...said],
    max_tokens: body.max_output_tokens ?? null,
    temperature: body.temperature ?? null,
    top_p: body.top_p ?? null,
    parallel_tool_calls: (body['parallel_tool_calls'] ?? null) as boolean | null,
    context_overflow: truncation === 'auto' ? 'drop-oldest-turns' : 'refuse',
    ...(tools && tools.length > 0 && { tools: tools.map(({ type, ...called }) => ({ type, function: called })) }),
    ...(choice && { tool_choice: toolChoice(choice) }),
    ...(format && { response_format: responseFormat(format) }),
  } as ChatCompletionParams;
}

function toolChoice(choice: NonNullable<Body['tool_choice']>) {
  return typeof choice === 'string' ? choice : { type: choice.type, function: { name: choice.name } };
}

function responseFormat({ type, ...given }: NonNullable<NonNullable<Body['text']>['format']>) {
  return type === 'json_schema' ? { type, json_schema: given } : { type };
}

/** Items become messages; calls in a row are those of one message. */
function messagesOf(items: readonly Item[]): ChatCompletionMessageParam[] {
  const messages: ChatCompletionMessageParam[] = [];
  for (const [index, item] of items.entries()) {
    const { type = 'message', role, content, call_id: id, name, arguments: given, output } = item;
    const last = messages.at(-1);
    if (type === 'function_call' && id && name) {
      const call = { id, type: 'function' as const, function: { name, arguments: given ?? '{}' } };
      if (last?.role === 'assistant') last.tool_calls = [...(last.tool_calls ?? []), call];
      else messages.push({ role: 'assistant', content: '', tool_calls: [call] });
    } else if (type === 'function_call_output' && id) {
      messages.push({ role: 'tool', tool_call_id: id, content: contentOf(output) });
    } else if (type === 'message' && role) {
      messages.push({ role: role as 'user', content: contentOf(content) });
    } else if (type !== 'reasoning') {
      throw badRequest(`Item ${index + 1} of input is none that this server knows: ${JSON.stringify(type)}.`, {
        param: `input.${index}`,
      });
    }
  }
  return messages;
}

/** Text has other names here for its parts. */
function contentOf(content: Item['content']): string | readonly ContentPart[] {
  if (typeof content === 'string') return content;
  return (content ?? []).map(({ type, text, refusal }) => ({
    type: /^(input|output)_text$/.test(type) ? 'text' : type,
    ...(typeof text === 'string' && { text }),
    ...(typeof refusal === 'string' && { refusal }),
  }));
}
