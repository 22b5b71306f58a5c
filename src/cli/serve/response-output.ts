import { identifier } from '../../api/openai-answers.ts';
import type {
  ChatCompletionChunk,
  ChatCompletionMessageParam,
  ChatCompletionMessageToolCall,
  CompletionUsage,
} from '../../api/openai-types.ts';

/** An event of a stream, by its type. */
export type Happening = Readonly<Record<string, unknown>> & { type: string };

/** What an answer consists of so far. */
export class Output {
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
