import type { IncomingMessage } from 'node:http';
import type { OpenAiClient } from '../../api/openai.ts';
import type { ChatCompletionParams, CompletionParams } from '../../api/openai-types.ts';
import type { TokenizingEngine } from '../../engine/protocol.ts';
import type { JsonObject } from './body.ts';
import { HttpFault } from './fault.ts';
import type { KeptResponses } from './kept-responses.ts';
import { respond, responseEvents } from './responses.ts';
import type { EventStream } from './send.ts';
import { shaped } from './shapes.ts';
import { detokenize, tokenize } from './tokens.ts';

/** What a request is answered from. */
export interface Question {
  engine: TokenizingEngine;
  client: OpenAiClient;
  kept: KeptResponses;
  tokenizer: Readonly<Record<string, unknown>>;
  body: JsonObject;
  /** What the path ends in, where that is a name. */
  argument: string;
  /** Aborted when whoever asked has left. */
  signal: AbortSignal;
}

/** An answer: whole, or a stream. */
export type Reply = { json: unknown } | EventStream;

type Run = (question: Question) => Promise<Reply>;

/** By path, then by method. A path that ends in `/*` takes a name there. */
const ROUTES: Readonly<Record<string, Readonly<Record<string, Run>>>> = {
  '/v1/models': { GET: async ({ client }) => ({ json: await client.models.list() }) },
  '/v1/models/*': {
    GET: async ({ client, argument }) => {
      requireModel(client, argument);
      return { json: (await client.models.list()).data[0] };
    },
  },
  '/v1/chat/completions': {
    POST: async ({ client, body, signal }) => {
      const params = shaped('chat', body) as unknown as ChatCompletionParams;
      requireModel(client, params.model);
      return streamed(await client.chat.completions.create(params, { signal }));
    },
  },
  '/v1/completions': {
    POST: async ({ client, body, signal }) => {
      const params = shaped('text', body) as unknown as CompletionParams;
      requireModel(client, params.model);
      return streamed(await client.completions.create(params, { signal }));
    },
  },
  '/v1/responses': {
    POST: async ({ client, kept, body: given, signal }) => {
      const body = shaped('response', given);
      requireModel(client, body.model);
      if (!body.stream) return { json: await respond(client, kept, body, signal) };
      const fault = ({ body: { error } }: HttpFault) => ({ name: 'error', data: { ...error, type: 'error' } });
      return { events: responseEvents(client, kept, body, signal), fault };
    },
  },
  '/v1/responses/*': {
    GET: async ({ kept, argument }) => ({ json: kept.find(argument) }),
    DELETE: async ({ kept, argument }) => ({ json: kept.delete(argument) }),
  },
  '/tokenizer_info': { GET: async ({ tokenizer }) => ({ json: tokenizer }) },
  '/tokenize': {
    POST: async ({ engine, client, body: given, signal }) => {
      const body = shaped('tokenize', given);
      requireModel(client, body.model);
      return { json: await tokenize(engine, body, signal) };
    },
  },
  '/detokenize': {
    POST: async ({ engine, client, body: given }) => {
      const body = shaped('detokenize', given);
      requireModel(client, body.model);
      return { json: await detokenize(engine, body) };
    },
  },
};

/** What answers a request. @throws HttpFault 404 for a path that is not there, 405 for a method that it does not take. */
export function findRoute({ url = '/', method = 'GET' }: IncomingMessage): {
  run: Run;
  argument: string;
  reads: boolean;
} {
  const [path = ''] = url.split(/[?#]/, 1);
  const [, parent = '', name = ''] = /^(.*)\/([^/]+)$/.exec(path) ?? [];
  const fits = Object.hasOwn(ROUTES, path) ? path : `${parent}/*`;
  const methods = Object.hasOwn(ROUTES, fits) ? ROUTES[fits]! : undefined;
  if (!methods) {
    throw new HttpFault(404, `There is no ${path} here. There are: ${Object.keys(ROUTES).join(', ')}.`, {
      code: 'unknown_url',
    });
  }
  const run = Object.hasOwn(methods, method) ? methods[method]! : undefined;
  if (run) return { run, argument: decoded(name), reads: method === 'POST' };
  const allow = Object.keys(methods).join(', ');
  throw new HttpFault(405, `${path} takes ${allow}, not ${method}.`, { headers: { allow } });
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** @throws HttpFault 404 for a model that is not the one that is loaded. */
function requireModel(client: OpenAiClient, model: string | null | undefined): void {
  const { name } = client.models;
  if (model === undefined || model === null || model === name) return;
  throw new HttpFault(404, `The model ${JSON.stringify(model)} is not loaded; ${JSON.stringify(name)} is.`, {
    code: 'model_not_found',
    param: 'model',
  });
}

/** An answer of OpenAI's API, or its chunks as events. */
function streamed(answer: object): Reply {
  if (!(Symbol.asyncIterator in answer)) return { json: answer };
  const chunks = answer as AsyncIterable<object>;
  return { events: asEvents(chunks), fault: ({ body }) => ({ data: body }), last: '[DONE]' };
}

async function* asEvents(chunks: AsyncIterable<object>): AsyncGenerator<{ data: object }, void> {
  for await (const data of chunks) yield { data };
}
