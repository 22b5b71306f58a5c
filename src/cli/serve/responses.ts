// OpenAI's Responses API over chats: its items become messages, and answers become its items and events.

import { identifier, now } from '../../api/openai-answers.ts';
import type { OpenAiClient } from '../../api/openai.ts';
import type { CompletionUsage } from '../../api/openai-types.ts';
import type { KeptResponses, ResponseObject } from './kept-responses.ts';
import { type Happening, Output } from './response-output.ts';
import { chatParams } from './responses-request.ts';
import type { ServerEvent } from './send.ts';
import type { Shaped } from './shapes.ts';

/** Answers one request. @throws as `chat.completions.create`; HttpFault. */
export async function respond(
  client: OpenAiClient,
  kept: KeptResponses,
  body: Shaped<'response'>,
  signal: AbortSignal,
): Promise<ResponseObject> {
  let response: ResponseObject | undefined;
  for await (const { type, ...rest } of happenings(client, kept, body, signal)) {
    if (type === 'response.completed' || type === 'response.incomplete') response = rest['response'] as ResponseObject;
  }
  return response!;
}

/** As `respond`, as events. */
export async function* responseEvents(
  client: OpenAiClient,
  kept: KeptResponses,
  body: Shaped<'response'>,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent, void> {
  let sequence = 0;
  for await (const { type, ...rest } of happenings(client, kept, body, signal)) {
    yield { name: type, data: { type, sequence_number: sequence++, ...rest } };
  }
}

async function* happenings(
  client: OpenAiClient,
  kept: KeptResponses,
  body: Shaped<'response'>,
  signal: AbortSignal,
): AsyncGenerator<Happening, void> {
  const earlier = kept.messagesOf(body.previous_response_id);
  const params = chatParams(body, earlier);
  const stream = await client.chat.completions.create(
    { ...params, stream: true, stream_options: { include_usage: true } },
    { signal },
  );
  const chunks = stream[Symbol.asyncIterator]();
  try {
    // What is wrong with a request shows before there is an event.
    let next = await chunks.next();
    const head = headOf(client, body);
    const begun = responseOf(head, 'in_progress', [], null);
    yield { type: 'response.created', response: begun };
    yield { type: 'response.in_progress', response: begun };
    const output = new Output();
    for (; !next.done; next = await chunks.next()) yield* output.take(next.value);
    yield* output.close();
    const incomplete = output.reason === 'length';
    const response = responseOf(head, incomplete ? 'incomplete' : 'completed', output.items, output.usage);
    if (body.store !== false) {
      const [instructions] = body.instructions ? [params.messages[0]] : [];
      const said = params.messages.filter((message) => message !== instructions);
      kept.keep(response, [...said, output.message]);
    }
    yield { type: incomplete ? 'response.incomplete' : 'response.completed', response };
  } finally {
    await chunks.return?.();
  }
}

/** What a response repeats of its request. */
function headOf(client: OpenAiClient, body: Shaped<'response'>) {
  return {
    id: `resp_${identifier()}`,
    object: 'response',
    created_at: now(),
    model: client.models.name,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    previous_response_id: body.previous_response_id ?? null,
    temperature: body.temperature ?? null,
    top_p: body.top_p ?? null,
    text: body.text ?? { format: { type: 'text' } },
    tools: body.tools ?? [],
    tool_choice: body.tool_choice ?? 'auto',
    parallel_tool_calls: true,
    truncation: body.truncation ?? 'disabled',
    store: body.store ?? true,
    metadata: body['metadata'] ?? {},
    user: body.user ?? null,
  };
}

function responseOf(
  head: ReturnType<typeof headOf>,
  status: 'in_progress' | 'completed' | 'incomplete',
  output: readonly object[],
  usage: CompletionUsage | null,
): ResponseObject {
  return {
    ...head,
    status,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    output: [...output],
    usage: usage && {
      input_tokens: usage.prompt_tokens,
      input_tokens_details: { cached_tokens: usage.prompt_tokens_details.cached_tokens },
      output_tokens: usage.completion_tokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: usage.total_tokens,
    },
  };
}
