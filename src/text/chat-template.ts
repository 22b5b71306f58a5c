// A conversation to the prompt of a model, by the Jinja template that the checkpoint brings.

import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';

import { BambaError } from '../errors.ts';
import { formatTime } from './strftime.ts';
import { markSpecialTokens } from './special-text.ts';
import { isRecord } from './tokenizer-files.ts';
import type { NamedTokens, Tokenizer } from './tokenizer.ts';

/** One message as a template sees it, by the names that templates use. */
export interface TemplateMessage {
  readonly role: string;
  readonly content: string;
  /** What an assistant called. */
  readonly tool_calls?: readonly TemplateToolCall[];
  /** Which call a tool answers, and the tool. */
  readonly tool_call_id?: string;
  readonly name?: string;
}

export interface TemplateToolCall {
  readonly id: string;
  readonly type: 'function';
  /** `arguments` as an object: templates turn it into JSON themselves. */
  readonly function: { readonly name: string; readonly arguments: unknown };
}

/** A tool as templates show it to a model. */
export interface TemplateTool {
  readonly type: 'function';
  readonly function: { readonly name: string; readonly description?: string; readonly parameters: unknown };
}

export interface RenderOptions {
  /** End the prompt where the assistant's answer begins; templates may ignore it. Default false. */
  addGenerationPrompt?: boolean;
  /** What the model may call; templates may ignore them. */
  tools?: readonly TemplateTool[];
  /** Further variables for the template, such as `enable_thinking`. */
  variables?: Readonly<Record<string, unknown>>;
  /** What `strftime_now` takes for now. Default: the clock. */
  now?: Date;
}

/** A template may build lists with `range`; more than this is a mistake or an attack. */
const MAX_RANGE = 100_000;

/**
 * The chat template of a checkpoint's files.
 *
 * @param tokenizerConfig the parsed tokenizer_config.json, whose `chat_template` is a string or a list of named ones
 * @param templateFile the text of chat_template.jinja, which comes first where a checkpoint has it
 * @returns the template named `default`, or the only one; null where the checkpoint has none
 * @throws BambaError `config_invalid` when `chat_template` is neither, or names several and none `default`
 */
export function readChatTemplate(tokenizerConfig: unknown, templateFile: string | null = null): string | null {
  if (templateFile !== null) return templateFile;
  const entry = isRecord(tokenizerConfig) ? (tokenizerConfig.chat_template ?? null) : null;
  if (entry === null || typeof entry === 'string') return entry;
  const named = Array.isArray(entry)
    ? new Map(entry.map((item: unknown) => (isRecord(item) ? [item.name, item.template] : [null, null])))
    : new Map<unknown, unknown>(isRecord(entry) ? Object.entries(entry) : []);
  const chosen = named.get('default') ?? (named.size === 1 ? [...named.values()][0] : undefined);
  if (typeof chosen === 'string') return chosen;
  throw new BambaError(
    'config_invalid',
    'tokenizer_config.json has a "chat_template" that is neither a string nor a list with a template named "default". Take the file from the model\'s own repository.',
  );
}

/**
 * Turns conversations into prompts.
 *
 * ```ts
 * const chat = new ChatTemplate(readChatTemplate(tokenizerConfig), tokenizer);
 * chat.encode([{ role: 'user', content: 'Hello!' }], { addGenerationPrompt: true }); // the prompt's ids
 * ```
 */
export class ChatTemplate {
  readonly #source: string | null;
  readonly #tokenizer: Tokenizer;
  #program: ReturnType<typeof parse> | null = null;

  /** @param source the Jinja text (`readChatTemplate`); null for a model without one, which refuses every chat */
  constructor(source: string | null, tokenizer: Tokenizer) {
    this.#source = source;
    this.#tokenizer = tokenizer;
  }

  /** Whether the model has a template, so that `render` and `encode` can work. */
  get exists(): boolean {
    return this.#source !== null;
  }

  /**
   * The prompt as text, special tokens spelled out. For reading: encoding it would turn what a user typed into special
   * tokens, which `encode` does not.
   *
   * @throws BambaError `template_failed` when there is no template, or it refuses these messages
   */
  render(messages: readonly TemplateMessage[], options: RenderOptions = {}): string {
    messages.forEach(checkMessage);
    try {
      const environment = templateEnvironment(this.#tokenizer.namedTokens, options);
      environment.set('messages', structuredClone(messages));
      environment.set('add_generation_prompt', options.addGenerationPrompt ?? false);
      const { value } = new Interpreter(environment).run(this.#parsed());
      if (typeof value !== 'string') throw new Error('it gives no text');
      return value;
    } catch (cause) {
      if (cause instanceof BambaError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new BambaError('template_failed', `The model's chat template refused the messages: ${reason}`, { cause });
    }
  }

  /**
   * The prompt as ids. The special tokens in it are those of the template: the same strings inside a message stay
   * text, as does what only together with the template's text would make one.
   *
   * @throws BambaError `template_failed` as for `render`
   */
  encode(messages: readonly TemplateMessage[], options: RenderOptions = {}): number[] {
    const rendered = this.render(messages, options);
    // Descriptions of tools come from others as messages do.
    const all: readonly (TemplateMessage | TemplateTool)[] = [...messages, ...(options.tools ?? [])];
    const marked = markSpecialTokens(all, this.#tokenizer.specialTokens, rendered);
    // Special tokens are not added: a template writes its BOS itself.
    if (marked === null) return this.#tokenizer.encode(rendered, { addSpecialTokens: false });
    const markedMessages = marked.messages.slice(0, messages.length) as TemplateMessage[];
    const tools = marked.messages.slice(messages.length) as TemplateTool[];
    const text = this.render(markedMessages, { ...options, ...(options.tools ? { tools } : {}) });
    return this.#tokenizer.encodeMarked(text, marked.mark);
  }

  #parsed(): ReturnType<typeof parse> {
    if (this.#source === null) {
      throw new BambaError(
        'template_failed',
        'This model has no chat template: it continues text but was not taught to chat. Give it a prompt instead of messages.',
      );
    }
    // Jinja as transformers sets it up: a block's line leaves neither its indentation nor its newline.
    this.#program ??= parse(tokenize(this.#source, { lstrip_blocks: true, trim_blocks: true }));
    return this.#program;
  }
}

/**
 * The ids of plain text to continue. Here strings of special tokens do become those tokens: such a prompt is written by
 * a developer, who may need them. What the tokenizer itself puts around a text, such as a first BOS, is added.
 */
export function encodePrompt(tokenizer: Tokenizer, text: string): number[] {
  return tokenizer.encode(text, { addSpecialTokens: true });
}

/** What a template finds besides the messages: the same names that transformers gives it. */
function templateEnvironment(tokens: NamedTokens, { variables = {}, now, tools }: RenderOptions): Environment {
  const environment = new Environment();
  const globals: Record<string, unknown> = {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    tools: tools && tools.length > 0 ? structuredClone(tools) : null,
    documents: null,
    range,
    raise_exception: (message: unknown) => {
      throw new Error(String(message));
    },
    strftime_now: (format: unknown) => formatTime(now ?? new Date(), String(format)),
  };
  for (const [name, value] of Object.entries({ ...globals, ...tokens, ...variables })) environment.set(name, value);
  return environment;
}

function range(...bounds: unknown[]): number[] {
  if (!bounds.every((bound) => typeof bound === 'number')) throw new Error('range takes numbers');
  const [a = 0, b, step = 1] = bounds;
  const [start, stop] = b === undefined ? [0, a] : [a, b];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= MAX_RANGE)) throw new Error(`range gives more than ${MAX_RANGE} numbers`);
  return Array.from({ length }, (_, i) => start + i * step);
}

function checkMessage(message: unknown, index: number): void {
  if (isRecord(message) && typeof message.role === 'string' && typeof message.content === 'string') return;
  throw new BambaError(
    'template_failed',
    `Message ${index + 1} of the chat is not one: give each a "role" and a "content", both strings.`,
  );
}
