import type { ChatCompletionParams } from '../../api/openai-types.ts';
import { chatRequest } from '../../api/openai-request.ts';
import type { TokenizingEngine } from '../../engine/protocol.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { readChatTemplate } from '../../text/chat-template.ts';
import { parseJsonFile, readNamedToken } from '../../text/tokenizer-files.ts';
import { badRequest } from './fault.ts';
import type { Shaped } from './shapes.ts';

const NAMES = ['bos_token', 'eos_token', 'unk_token', 'pad_token'] as const;

/**
 * What `/tokenizer_info` answers: tokenizer_config.json of the model, with its named tokens as strings, and its chat
 * template. Clients ask for these names, so that each is there, null where the model has none.
 */
export async function tokenizerInfo(source: PackageSource): Promise<Readonly<Record<string, unknown>>> {
  const { files } = source.manifest;
  const decoder = new TextDecoder();
  const config = files['tokenizer_config.json']
    ? parseJsonFile(decoder.decode(await source.file('tokenizer_config.json')), 'tokenizer_config.json')
    : {};
  const template = files['chat_template.jinja'] ? decoder.decode(await source.file('chat_template.jinja')) : null;
  const known = config as Record<string, unknown>;
  const named = NAMES.map((name) => [name, readNamedToken(known, name)] as const);
  return { ...known, ...Object.fromEntries(named), chat_template: readChatTemplate(known, template) };
}

/** Answers `/tokenize`. */
export async function tokenize(
  engine: TokenizingEngine,
  body: Shaped<'tokenize'>,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const { prompt, messages } = body;
  if ((prompt === undefined) === (messages === undefined)) throw badRequest('Give either prompt or messages.');
  const tokens =
    prompt === undefined
      ? await engine.tokenize(chatOf(engine, body), { ...ending(body), signal })
      : await engine.tokenize(prompt, { addSpecialTokens: body.add_special_tokens ?? true, signal });
  const spelled = body.return_token_strs ? await Promise.all(tokens.map((id) => engine.detokenize([id]))) : null;
  return {
    count: tokens.length,
    max_model_len: engine.info.model.contextLength,
    tokens,
    token_strs: spelled,
  };
}

/** Answers `/detokenize`: every token is spelled, special ones too. */
export async function detokenize(
  engine: TokenizingEngine,
  { tokens }: Shaped<'detokenize'>,
): Promise<{ prompt: string }> {
  return { prompt: await engine.detokenize(tokens) };
}

function chatOf(engine: TokenizingEngine, { messages }: Shaped<'tokenize'>) {
  const { request } = chatRequest({ messages } as ChatCompletionParams, engine.info.model.name);
  return request.messages ?? [];
}

/** How a chat ends, in the engine's terms. */
function ending({ add_generation_prompt: begins, continue_final_message: continues }: Shaped<'tokenize'>) {
  if (continues) return { continueLast: true };
  return begins === false ? { readAhead: true } : {};
}
