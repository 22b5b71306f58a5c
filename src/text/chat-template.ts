// A conversation to the prompt of a model, by the Jinja template that the checkpoint brings.

import { BambaError } from '../errors.ts';
import { ChatPrompt } from './chat-prompt.ts';
import { TemplateFault, TemplateOverrun, TemplateUnsupported } from './jinja/faults.ts';
import { fieldsOf, fromJs } from './jinja/from-js.ts';
import { Template } from './jinja/render.ts';
import { callable, plainArgument } from './jinja/signature.ts';
import { behind, plain, sub, type Str } from './jinja/text.ts';
import { Dict, type Value } from './jinja/values.ts';
import { formatTime } from './strftime.ts';
import { markSpecialTokens, unusedCharacter } from './special-text.ts';
import { type Message, templateMessage, templateTool } from './template-message.ts';
import { isRecord } from './tokenizer-files.ts';
import type { Tokenizer } from './tokenizer.ts';
import { readToolArguments } from './tool-arguments.ts';
import type { Tool } from './tool-call.ts';

export interface RenderOptions {
  /** End the prompt where the assistant's answer begins; templates may ignore it. Default false. */
  addGenerationPrompt?: boolean;
  /** End the prompt where the last message's content ends, for the model to go on with it. Default false. */
  continueLast?: boolean;
  /** The tools that the model may call; templates may ignore them. */
  tools?: readonly Tool[];
  /** Further variables for the template, such as `enable_thinking`. */
  variables?: Readonly<Record<string, unknown>>;
  /** The time that `strftime_now` takes for now. Default: the clock. */
  now?: Date;
}

/**
 * The chat template of a checkpoint's files.
 *
 * @param tokenizerConfig the parsed tokenizer_config.json, whose `chat_template` is a string or a list of named ones
 * @param templateFile the text of chat_template.jinja, which comes first where a checkpoint has it
 * @returns the template named `default`, or the only one; null where the checkpoint has none, or one for tools alone
 * @throws BambaError `config_invalid` when `chat_template` is neither, or names several, none `default` or `tool_use`
 */
export function readChatTemplate(tokenizerConfig: unknown, templateFile: string | null = null): string | null {
  if (templateFile !== null) return templateFile;
  const entry = templateEntry(tokenizerConfig);
  if (entry === null || typeof entry === 'string') return entry;
  const named = namedTemplates(entry);
  const chosen = named.get('default') ?? (named.size === 1 ? [...named.values()][0] : undefined);
  if (typeof chosen === 'string') return chosen;
  if (chosen === undefined && typeof named.get('tool_use') === 'string') return null;
  throw new BambaError(
    'config_invalid',
    'tokenizer_config.json has a "chat_template" that is neither a string nor a list with a template named "default". Take the file from the model\'s own repository.',
  );
}

/**
 * The template for chats in which tools are offered, for models that have another one for these.
 *
 * @returns the one named `tool_use`; null where the template of `readChatTemplate` is for all chats
 */
export function readToolTemplate(tokenizerConfig: unknown, templateFile: string | null = null): string | null {
  if (templateFile !== null) return null;
  const entry = templateEntry(tokenizerConfig);
  const template = typeof entry === 'string' ? null : namedTemplates(entry).get('tool_use');
  return typeof template === 'string' ? template : null;
}

function templateEntry(tokenizerConfig: unknown): unknown {
  return isRecord(tokenizerConfig) ? (tokenizerConfig.chat_template ?? null) : null;
}

function namedTemplates(entry: unknown): Map<unknown, unknown> {
  if (!Array.isArray(entry)) return new Map(isRecord(entry) ? Object.entries(entry) : []);
  return new Map(entry.map((item: unknown) => (isRecord(item) ? [item.name, item.template] : [null, null])));
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
  readonly #toolSource: string | null;
  readonly #tokenizer: Tokenizer;
  readonly #templates = new Map<string, Template>();

  /**
   * @param source the Jinja text (`readChatTemplate`); null for a model without one, which refuses every chat
   * @param toolSource the one for chats in which tools are offered (`readToolTemplate`); null where it is the same
   */
  constructor(source: string | null, tokenizer: Tokenizer, toolSource: string | null = null) {
    this.#source = source;
    this.#toolSource = toolSource;
    this.#tokenizer = tokenizer;
  }

  /** Whether the model has a template, so that `render` and `encode` can work. */
  get exists(): boolean {
    return this.#source !== null || this.#toolSource !== null;
  }

  /**
   * The prompt as text, special tokens spelled out. For reading: encoding it would turn what a user typed into special
   * tokens, which `encode` does not.
   *
   * It runs to its end, about a second at most: a template that takes more steps is refused.
   *
   * @throws BambaError `template_failed` when there is no template, or it refuses these messages, or takes too much
   */
  render(messages: readonly Message[], options: RenderOptions = {}): string {
    return plain(this.#render(messages, options));
  }

  /**
   * The prompt as ids. Its special tokens are those of the template. The same strings inside a message stay text. So does a
   * part of a message that would make one together with the template's text.
   *
   * @throws BambaError `template_failed` as for `render`
   */
  encode(messages: readonly Message[], options: RenderOptions = {}): number[] {
    const { text, mark } = this.#marked(this.#render(messages, options));
    // Special tokens are not added: a template writes its BOS itself.
    if (mark === null) return this.#tokenizer.encode(text, { addSpecialTokens: false });
    return this.#tokenizer.encodeMarked(text, mark);
  }

  /**
   * As `encode`, in slices of a few milliseconds, between which the thread hears of messages.
   *
   * @param options `signal` ends it
   * @throws BambaError `template_failed` as for `render`, `aborted`
   */
  async encodeInSlices(
    messages: readonly Message[],
    { signal, ...options }: RenderOptions & { signal?: AbortSignal | undefined } = {},
  ): Promise<number[]> {
    return [...(await this.promptInSlices(messages, { signal, ...options })).ids];
  }

  /**
   * As `encodeInSlices`, and what tells where parts of the prompt end.
   *
   * @throws BambaError as `encodeInSlices`
   */
  async promptInSlices(
    messages: readonly Message[],
    { signal, ...options }: RenderOptions & { signal?: AbortSignal | undefined } = {},
  ): Promise<ChatPrompt> {
    const text = this.#render(messages, options);
    const part = { ...options, addGenerationPrompt: false, continueLast: false };
    return new ChatPrompt(await this.#idsInSlices(text, signal), text, {
      render: (count) => this.#renderIfTaken(messages.slice(0, count), part),
      encode: async (rest, fromStart) => {
        // Behind a special token, a text is not the beginning of one, before which some tokenizers put a space.
        const [special] = fromStart ? [] : this.#tokenizer.specialTokens;
        if (special === undefined) return this.#idsInSlices(rest, signal);
        return (await this.#idsInSlices(behind(special, rest), signal)).slice(1);
      },
    });
  }

  /** Null where the template refuses the messages: some want an answer to every question, or a question at all. */
  #renderIfTaken(messages: readonly Message[], options: RenderOptions): Str | null {
    try {
      return this.#render(messages, options);
    } catch (error) {
      if (error instanceof BambaError && error.code === 'template_failed') return null;
      throw error;
    }
  }

  #idsInSlices(text: Str, signal: AbortSignal | undefined): Promise<number[]> {
    const { text: marked, mark } = this.#marked(text);
    if (mark === null) return this.#tokenizer.encodeInSlices(marked, { addSpecialTokens: false, signal });
    return this.#tokenizer.encodeMarkedInSlices(marked, mark, { signal });
  }

  /** A prompt with marks where messages would make special tokens; `mark` is null where none would. */
  #marked(text: Str): { text: string; mark: string | null } {
    return markSpecialTokens(text, this.#tokenizer.specialTokens) ?? { text: plain(text), mark: null };
  }

  #render(messages: readonly Message[], options: RenderOptions): Str {
    messages.forEach(checkMessage);
    if (options.continueLast) return this.#renderUnfinished(messages, options);
    try {
      return this.#template(options).render(variablesOf(messages, options, this.#tokenizer.namedTokens));
    } catch (cause) {
      throw failure(cause, messages);
    }
  }

  /** The prompt up to the end of the last message: a character that nothing else has shows where the template put it. */
  #renderUnfinished(messages: readonly Message[], options: RenderOptions): Str {
    const last = messages.at(-1);
    const mark = unusedCharacter(messages.map(({ content }) => content).join(''));
    const marked = last ? [...messages.slice(0, -1), { ...last, content: last.content + mark }] : [];
    const prompt = this.#render(marked, { ...options, continueLast: false, addGenerationPrompt: false });
    const at = plain(prompt).indexOf(mark);
    if (at < 0 || plain(prompt).includes(mark, at + 1)) {
      throw new BambaError(
        'template_failed',
        "The model's chat template does not show the last message once and as it is, so it cannot be continued. Ask for a new answer.",
      );
    }
    return sub(prompt, 0, at);
  }

  #template({ tools }: RenderOptions): Template {
    const source = tools && tools.length > 0 ? (this.#toolSource ?? this.#source) : this.#source;
    if (source === null) {
      throw new BambaError(
        'template_failed',
        this.exists
          ? 'This model chats with tools only: its chat template is for chats in which tools are offered. Give it tools.'
          : 'This model has no chat template: it continues text but was not taught to chat. Give it a prompt instead of messages.',
      );
    }
    const template = this.#templates.get(source) ?? new Template(source);
    this.#templates.set(source, template);
    return template;
  }
}

/**
 * The ids of plain text to continue. Here strings of special tokens do become those tokens: such a prompt is written by a
 * developer, who may need them. The tokens that the tokenizer puts around a text, such as a first BOS, are added. Long texts
 * are encoded in slices, between which the thread hears of messages.
 *
 * @param options `addSpecialTokens`: whether those are added; `signal` ends it
 * @throws BambaError `aborted`
 */
export function encodePrompt(
  tokenizer: Tokenizer,
  text: string,
  {
    addSpecialTokens = true,
    signal,
  }: { addSpecialTokens?: boolean | undefined; signal?: AbortSignal | undefined } = {},
): Promise<number[]> {
  return tokenizer.encodeInSlices(text, { addSpecialTokens, signal });
}

/** The names that a template finds: those that transformers gives it. */
function variablesOf(
  messages: readonly Message[],
  { variables = {}, now, tools, addGenerationPrompt = false }: RenderOptions,
  tokens: object,
): Map<string, Value> {
  const taken = ['messages', 'tools', 'add_generation_prompt'].find((name) => Object.hasOwn(variables, name));
  if (taken !== undefined) throw new TemplateFault(`the variable "${taken}" is there already, so choose another name`);
  return new Map<string, Value>([
    ['messages', messages.map(messageValue)],
    // Descriptions of tools come from others as messages do.
    ['tools', tools && tools.length > 0 ? fromJs(tools.map(templateTool), 'message') : null],
    ['documents', null],
    ['add_generation_prompt', addGenerationPrompt],
    [
      'raise_exception',
      callable('message!', (message) => {
        throw new TemplateFault(plainArgument(message));
      }),
    ],
    ['strftime_now', callable('format!', (format) => formatTime(now ?? new Date(), plainArgument(format)))],
    ...Object.entries(tokens).map(([name, token]) => [name, fromJs(token, 'template')] as const),
    ...fieldsOf(variables).map(
      ([name, value]) => [name, fromJs(value, name === 'documents' ? 'message' : 'template')] as const,
    ),
  ]);
}

/** Only a role may be a part of what the template writes as a special token. */
function messageValue(message: Message): Dict {
  return new Dict(
    fieldsOf(templateMessage(message)).map(
      ([name, value]) => [name, fromJs(value, name === 'role' ? 'name' : 'message')] as const,
    ),
  );
}

/** The fault in a sentence. */
function failure(cause: unknown, messages: readonly Message[]): unknown {
  if (cause instanceof TemplateUnsupported) {
    return new BambaError(
      'template_failed',
      `The model's chat template uses ${cause.message}, which is not supported. Give it a prompt instead of messages.`,
      { cause },
    );
  }
  if (cause instanceof TemplateOverrun) {
    return new BambaError(
      'template_failed',
      `The model's chat template was stopped, as ${cause.message}. Shorten the chat, or take another model if it is short.`,
      { cause },
    );
  }
  if (!(cause instanceof TemplateFault)) return cause;
  const reason = `The model's chat template refused the messages: ${cause.message}`;
  const odd = messages.findIndex((message) =>
    message.toolCalls?.some((call) => !isRecord(readToolArguments(call.arguments))),
  );
  const hint = odd < 0 ? '' : `. Message ${odd + 1} calls a tool with arguments that are not the JSON of an object.`;
  return new BambaError('template_failed', reason + hint, { cause });
}

function checkMessage(message: unknown, index: number): void {
  if (isRecord(message) && typeof message.role === 'string' && typeof message.content === 'string') return;
  throw new BambaError(
    'template_failed',
    `Message ${index + 1} of the chat is not one: give each a "role" and a "content", both strings.`,
  );
}
