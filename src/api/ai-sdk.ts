/**
 * A model for the AI SDK (npm `ai` 6 and later): `generateText`, `streamText` and what is built on them run in the page.
 *
 * @module
 */

import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3Content,
  LanguageModelV3FinishReason,
  LanguageModelV3GenerateResult,
  LanguageModelV3Message,
  LanguageModelV3StreamPart,
  LanguageModelV3StreamResult,
  LanguageModelV3ToolResultOutput,
  LanguageModelV3Usage,
  SharedV3Warning,
} from '@ai-sdk/provider';
import type { ChatMessage, Engine, GenerationEvent, GenerationRequest, Tool } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { SAMPLING_NAMES, type SamplingName } from '../sampling.ts';

/**
 * The model of an engine, for the AI SDK.
 *
 * ```ts
 * const { text } = await generateText({ model: bambaModel(engine), prompt: 'What is an apple?' });
 * ```
 * A setting of the SDK that a model in the page cannot keep to becomes a warning, as is the SDK's custom.
 * @param engine what answers, made by `createEngine`
 * @returns what the SDK takes as `model`
 */
export function bambaModel(engine: Engine): LanguageModelV3 {
  return new BambaLanguageModel(engine);
}

class BambaLanguageModel implements LanguageModelV3 {
  readonly specificationVersion = 'v3';
  readonly provider = 'bamba-web';
  readonly modelId: string;
  /** Nothing is fetched by address. */
  readonly supportedUrls = {};
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.modelId = engine.info.model.name;
  }

  async doGenerate(options: LanguageModelV3CallOptions): Promise<LanguageModelV3GenerateResult> {
    const { warnings, events } = this.#generate(options);
    const content: LanguageModelV3Content[] = [];
    let text = '';
    const endText = () => {
      if (text !== '') content.push({ type: 'text', text });
      text = '';
    };
    for await (const event of events) {
      if (event.type === 'text') text += event.text;
      if (event.type === 'toolCall') {
        endText();
        const { id, name, arguments: input } = event.call;
        content.push({ type: 'tool-call', toolCallId: id, toolName: name, input });
      }
      if (event.type !== 'end') continue;
      endText();
      const called = content.some(({ type }) => type === 'tool-call');
      return {
        content,
        finishReason: finishReason(event, called, options.abortSignal),
        usage: usageOf(event),
        warnings,
        response: { modelId: this.modelId },
      };
    }
    throw new BambaError('internal', 'The answer had no end.');
  }

  async doStream(options: LanguageModelV3CallOptions): Promise<LanguageModelV3StreamResult> {
    const { warnings, events } = this.#generate(options);
    const parts = streamParts(events, warnings, this.modelId, options.abortSignal);
    return {
      stream: new ReadableStream<LanguageModelV3StreamPart>({
        async pull(controller) {
          try {
            const { done, value } = await parts.next();
            if (done) controller.close();
            else controller.enqueue(value);
          } catch (error) {
            controller.error(error);
          }
        },
        async cancel() {
          await parts.return();
        },
      }),
    };
  }

  #generate(options: LanguageModelV3CallOptions): {
    warnings: SharedV3Warning[];
    events: AsyncIterable<GenerationEvent>;
  } {
    const warnings: SharedV3Warning[] = [];
    const request = generationRequest(options, warnings);
    const signal = options.abortSignal;
    if (signal?.aborted) throw new BambaError('aborted', 'The answer was aborted before it began.');
    return { warnings, events: this.#engine.generate(request, signal ? { signal } : {}) };
  }
}

/**
 * The parts of an answer for the SDK. An error is one of its parts, as the SDK asks of a model. A reader of the stream finds
 * it there, and the text so far stands. An abort is no such part: the SDK knows it by the signal.
 */
async function* streamParts(
  events: AsyncIterable<GenerationEvent>,
  warnings: SharedV3Warning[],
  modelId: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<LanguageModelV3StreamPart, void> {
  yield { type: 'stream-start', warnings };
  yield { type: 'response-metadata', modelId };
  const told: Told = { texts: 0, open: false, called: false };
  try {
    for await (const event of events) yield* eventParts(event, told, signal);
  } catch (error) {
    if (signal?.aborted) throw error;
    yield* endOfText(told);
    yield { type: 'error', error };
    yield { type: 'finish', finishReason: { unified: 'error', raw: undefined }, usage: UNKNOWN_USAGE };
  }
}

/** The content of the parts so far. */
interface Told {
  /** Texts that have ended. */
  texts: number;
  /** Whether a text has begun and not ended. */
  open: boolean;
  /** Whether a tool was called. */
  called: boolean;
}

function* endOfText(told: Told): Generator<LanguageModelV3StreamPart, void> {
  if (!told.open) return;
  yield { type: 'text-end', id: `text-${told.texts}` };
  told.open = false;
  told.texts++;
}

function* eventParts(
  event: GenerationEvent,
  told: Told,
  signal: AbortSignal | undefined,
): Generator<LanguageModelV3StreamPart, void> {
  if (event.type === 'text' && event.text !== '') {
    const id = `text-${told.texts}`;
    if (!told.open) yield { type: 'text-start', id };
    told.open = true;
    yield { type: 'text-delta', id, delta: event.text };
  }
  if (event.type === 'toolCall') {
    yield* endOfText(told);
    told.called = true;
    const { id: toolCallId, name: toolName, arguments: input } = event.call;
    yield { type: 'tool-input-start', id: toolCallId, toolName };
    yield { type: 'tool-input-delta', id: toolCallId, delta: input };
    yield { type: 'tool-input-end', id: toolCallId };
    yield { type: 'tool-call', toolCallId, toolName, input };
  }
  if (event.type === 'end') {
    yield* endOfText(told);
    yield { type: 'finish', finishReason: finishReason(event, told.called, signal), usage: usageOf(event) };
  }
}

function generationRequest(options: LanguageModelV3CallOptions, warnings: SharedV3Warning[]): GenerationRequest {
  const unsupported = (feature: string, details: string) => warnings.push({ type: 'unsupported', feature, details });
  const { responseFormat: format, toolChoice } = options;
  const tools: Tool[] = [];
  for (const tool of options.tools ?? []) {
    if (tool.type !== 'function') unsupported(`tool ${tool.name}`, 'Tools of a provider run on its servers.');
    else {
      const { name, description, inputSchema } = tool;
      tools.push({ name, ...(description !== undefined && { description }), parameters: inputSchema });
    }
  }
  const callable = tools.length > 0 && toolChoice?.type !== 'none';
  if (format?.type === 'json' && callable) {
    unsupported('responseFormat', 'An answer is held to JSON only where no tools may be called.');
  }
  if (options.includeRawChunks) unsupported('includeRawChunks', 'There is no server whose chunks could be shown.');
  // The SDK's names are ours.
  const given: Partial<Record<SamplingName, number>> = options;
  const request = {
    messages: options.prompt.flatMap((message) => chatMessages(message, unsupported)),
    maxTokens: options.maxOutputTokens,
    ...Object.fromEntries(SAMPLING_NAMES.map((name) => [name, given[name]])),
    stop: options.stopSequences,
    ...(callable && {
      tools,
      toolChoice: toolChoice?.type === 'tool' ? { name: toolChoice.toolName } : toolChoice?.type,
    }),
    ...(format?.type === 'json' && !callable && { json: format.schema ? { schema: format.schema } : {} }),
  };
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
}

type Unsupported = (feature: string, details: string) => void;

function chatMessages(message: LanguageModelV3Message, unsupported: Unsupported): ChatMessage[] {
  if (message.role === 'system') return [{ role: 'system', content: message.content }];
  if (message.role === 'tool') {
    return message.content.flatMap((part): ChatMessage[] => {
      if (part.type !== 'tool-result') return [];
      return [{ role: 'tool', content: resultText(part.output), toolCallId: part.toolCallId, name: part.toolName }];
    });
  }
  let content = '';
  const toolCalls: NonNullable<ChatMessage['toolCalls']>[number][] = [];
  for (const part of message.content) {
    if (part.type === 'text') content += part.text;
    else if (part.type === 'tool-call') {
      toolCalls.push({ id: part.toolCallId, name: part.toolName, arguments: JSON.stringify(part.input ?? {}) });
    } else unsupported(`${part.type} in a message`, 'The model takes text alone; the part was left out.');
  }
  return [{ role: message.role, content, ...(toolCalls.length > 0 && { toolCalls }) }];
}

function resultText(output: LanguageModelV3ToolResultOutput): string {
  if (output.type === 'text' || output.type === 'error-text') return output.value;
  if (output.type === 'execution-denied') return output.reason ?? 'The user denied this call.';
  return JSON.stringify(output.value);
}

/** An aborted answer is not taken any more: the SDK knows an abort by its signal. */
function finishReason(
  { finishReason: reason }: GenerationEvent & { type: 'end' },
  called: boolean,
  signal: AbortSignal | undefined,
): LanguageModelV3FinishReason {
  if (reason === 'abort' && signal?.aborted) throw signal.reason;
  if (called) return { unified: 'tool-calls', raw: reason };
  return { unified: reason === 'abort' ? 'other' : reason, raw: reason };
}

/** Of an answer that broke off, nobody counted the tokens. */
const UNKNOWN_USAGE: LanguageModelV3Usage = {
  inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};

function usageOf({ usage }: GenerationEvent & { type: 'end' }): LanguageModelV3Usage {
  const { promptTokens, cachedTokens, completionTokens } = usage;
  return {
    inputTokens: {
      total: promptTokens,
      noCache: promptTokens - cachedTokens,
      cacheRead: cachedTokens,
      cacheWrite: undefined,
    },
    outputTokens: { total: completionTokens, text: completionTokens, reasoning: undefined },
    raw: { ...usage },
  };
}
