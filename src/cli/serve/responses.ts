// OpenAI's Responses API over chats: its items become messages, and answers become its items and events.

import { identifier, now } from '../../api/openai-answers.ts';
import type { OpenAiClient } from '../../api/openai.ts';
import type {
  ChatCompletionChunk,
  ChatCompletionMessageParam,
  ChatCompletionMessageToolCall,
  CompletionUsage,
} from '../../api/openai-types.ts';
import { HttpFault, badRequest } from './fault.ts';
import { chatParams } from './responses-request.ts';
import type { ServerEvent } from './send.ts';
import type { Shaped } from './shapes.ts';

/** Answers that are kept by their ids, at most, and the characters of all their conversations. */
const MOST_KEPT = 1000;
const MOST_CHARACTERS = 2 ** 27;

/** A response as the API has it. */
export type ResponseObject = Readonly<Record<string, unknown>> & { id: string };

interface Kept {
  messages: readonly ChatCompletionMessageParam[];
  response: ResponseObject;
  characters: number;
}

/** An event of a stream, by its type. */
type Happening = Readonly<Record<string, unknown>> & { type: string };

/**
 * The conversations that answers belong to. Their texts are kept here, and the engine keeps their states: what goes on from
 * one reads its own tokens only, as long as there is room for the state.
 */
export class KeptResponses {
  readonly #kept = new Map<string, Kept>();
  #characters = 0;

  keep(response: ResponseObject, messages: readonly ChatCompletionMessageParam[]): void {
    const characters = JSON.stringify([messages, response]).length;
    this.#kept.set(response.id, { messages, response, characters });
    this.#characters += characters;
    for (const id of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT && this.#characters <= MOST_CHARACTERS) return;
      this.#drop(id);
    }
  }

  /** What was said up to an answer, and in it; nothing where no answer is named. @throws HttpFault 400. */
  messagesOf(id: string | null | undefined): readonly ChatCompletionMessageParam[] {
    if (id === null || id === undefined) return [];
    const kept = this.#kept.get(id);
    if (kept) return kept.messages;
    throw badRequest(`There is no response ${JSON.stringify(id)}: it was not stored, or it has made room for others.`, {
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    });
  }

  /** @throws HttpFault 404. */
  find(id: string): ResponseObject {
    const kept = this.#kept.get(id);
    if (kept) return kept.response;
    throw new HttpFault(404, `There is no response ${JSON.stringify(id)}.`, { code: 'not_found' });
  }

  /** @throws HttpFault 404. */
  delete(id: string): { id: string; object: 'response'; deleted: true } {
    this.find(id);
    this.#drop(id);
    return { id, object: 'response', deleted: true };
  }

  #drop(id: string): void {
    this.#characters -= this.#kept.get(id)!.characters;
    this.#kept.delete(id);
  }
}

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

/** What an answer consists of so far. */
class Output {
  readonly items: Readonly<Record<string, unknown>>[] = [];
  readonly #calls: ChatCompletionMessageToolCall[] = [];
  readonly #id = `msg_${identifier()}`;
  #text = '';
  /** Where the message is, once it is begun, and until it is done. */
  #open: number | null = null;
  reason: string | null = null;
  usage: CompletionUsage | null = null;

  /** What the assistant said, for the next turn. */
  get message(): ChatCompletionMessageParam {
    const calls = this.#calls.length > 0 ? { tool_calls: this.#calls } : {};
    return { role: 'assistant', content: this.#text, ...calls };
  }

  *take({ choices, usage }: ChatCompletionChunk): Generator<Happening, void> {
    this.usage = usage ?? this.usage;
    const [choice] = choices;
    if (!choice) return;
    this.reason = choice.finish_reason ?? this.reason;
    const { content = '', tool_calls: calls = [] } = choice.delta;
    if (content !== '') yield* this.#write(content);
    for (const call of calls) {
      yield* this.close();
      yield* this.#call(call);
    }
  }

  *#write(delta: string): Generator<Happening, void> {
    if (this.#open === null) {
      this.#open = this.items.length;
      const item = this.#item('in_progress', []);
      this.items.push(item);
      yield { type: 'response.output_item.added', output_index: this.#open, item };
      yield { type: 'response.content_part.added', ...this.#place, part: textPart('') };
    }
    this.#text += delta;
    yield { type: 'response.output_text.delta', ...this.#place, delta, logprobs: [] };
  }

  /** Ends the message, where one is begun. */
  *close(): Generator<Happening, void> {
    if (this.#open === null) return;
    const part = textPart(this.#text);
    yield { type: 'response.output_text.done', ...this.#place, text: this.#text, logprobs: [] };
    yield { type: 'response.content_part.done', ...this.#place, part };
    const item = this.#item(this.reason === 'length' ? 'incomplete' : 'completed', [part]);
    this.items[this.#open] = item;
    yield { type: 'response.output_item.done', output_index: this.#open, item };
    this.#open = null;
  }

  *#call({ id: callId, type, function: called }: ChatCompletionMessageToolCall): Generator<Happening, void> {
    this.#calls.push({ id: callId, type, function: called });
    const id = `fc_${identifier()}`;
    const place = { item_id: id, output_index: this.items.length };
    const item = { type: 'function_call', id, call_id: callId, name: called.name };
    const { output_index: index } = place;
    yield {
      type: 'response.output_item.added',
      output_index: index,
      item: { ...item, arguments: '', status: 'in_progress' },
    };
    yield { type: 'response.function_call_arguments.delta', ...place, delta: called.arguments };
    yield {
      type: 'response.function_call_arguments.done',
      ...place,
      name: called.name,
      arguments: called.arguments,
    };
    const done = { ...item, arguments: called.arguments, status: 'completed' };
    this.items.push(done);
    yield { type: 'response.output_item.done', output_index: index, item: done };
  }

  get #place() {
    return { item_id: this.#id, output_index: this.#open, content_index: 0 };
  }

  #item(status: string, content: readonly object[]) {
    return { type: 'message', id: this.#id, status, role: 'assistant', content };
  }
}

function textPart(text: string) {
  return { type: 'output_text', text, annotations: [], logprobs: [] };
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
