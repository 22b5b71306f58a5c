import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import fc from 'fast-check';
import { APIError } from 'openai';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { GenerateOptions, GenerationEvent, GenerationRequest, TokenizingEngine } from '../../engine/protocol.ts';
import { parseRequest } from '../../engine/prompts/request.ts';
import { BambaError } from '../../errors.ts';
import { resolveSampling } from '../../generate/sampling.ts';
import { GREEDY } from '../../sampling.ts';
import { endEvent, FakeEngine, textEvent } from '../../testing/engines/fake-engine.ts';
import { type ServedEngine, serveEngine } from '../../testing/engines/served-engine.ts';
import type { ServerOptions } from './server.ts';

const messages = [{ role: 'user' as const, content: 'Hi' }];
const chat = '/v1/chat/completions';

let served: ServedEngine | undefined;
afterEach(async () => {
  await served?.close();
  served = undefined;
});

async function serve(engine: TokenizingEngine, options?: Partial<ServerOptions>): Promise<ServedEngine> {
  served = await serveEngine(engine, options);
  return served;
}

const hello = () => new FakeEngine(textEvent('Hel'), textEvent('lo'), endEvent());

/** Answers with the pieces of a function that says when to go on. */
class PacedEngine extends FakeEngine {
  /** How answers ended: `abort` where the signal said so. */
  readonly ends: string[] = [];
  readonly #pieces: (signal: AbortSignal | undefined) => AsyncIterable<GenerationEvent>;

  constructor(pieces: (signal: AbortSignal | undefined) => AsyncIterable<GenerationEvent>) {
    super();
    this.#pieces = pieces;
  }

  override async *generate(
    request: GenerationRequest,
    { signal }: GenerateOptions = {},
  ): AsyncGenerator<GenerationEvent, void> {
    this.requests.push(request);
    try {
      yield* this.#pieces(signal);
    } finally {
      this.ends.push(signal?.aborted ? 'abort' : 'stop');
    }
  }
}

/** Writes until it is stopped. */
const endless = (piece: string) =>
  new PacedEngine(async function* (signal) {
    for (;;) {
      await new Promise(setImmediate);
      signal?.throwIfAborted();
      yield textEvent(piece);
    }
  });

/** Writes a piece, and then nothing until it is stopped. */
const stuck = () =>
  new PacedEngine(async function* (signal) {
    yield textEvent('A');
    if (signal && !signal.aborted) await once(signal, 'abort');
  });

describe('answers', () => {
  test('what there is, and what texts are to the model', async () => {
    const { ask, client } = await serve(hello());
    expect((await client.models.list()).data).toMatchObject([{ id: 'fake', object: 'model' }]);
    expect(await client.models.retrieve('fake')).toMatchObject({ id: 'fake' });
    expect(await ask('/tokenizer_info')).toEqual({ status: 200, body: { eos_token: '<eos>' } });
    expect(await ask('/tokenize', { prompt: 'Hi', add_special_tokens: false })).toMatchObject({
      body: { count: 2, tokens: [72, 105], token_strs: null },
    });
    const spelled = await ask('/tokenize', { messages, return_token_strs: true });
    expect(spelled.body).toMatchObject({ tokens: [72, 105, 10], token_strs: ['H', 'i', '\n'] });
    expect(await ask('/detokenize', { tokens: [72, 105] })).toMatchObject({ body: { prompt: 'Hi' } });
  });

  test("OpenAI's client: chats, streams, texts", async () => {
    const fake = hello();
    const { client } = await serve(fake);
    const answer = await client.chat.completions.create({ model: 'fake', messages, temperature: 0.5 });
    expect(answer.choices[0]?.message.content).toBe('Hello');
    expect(fake.requests[0]).toEqual({ messages, temperature: 0.5 });
    const chunks: string[] = [];
    for await (const chunk of await client.chat.completions.create({ model: 'fake', messages, stream: true })) {
      chunks.push(chunk.choices[0]?.delta.content ?? '');
    }
    expect(chunks).toEqual(['Hel', 'lo', '']);
    const texts = await client.completions.create({ model: 'fake', prompt: ['a', 'b'], n: 2, echo: true });
    expect(texts.choices.map(({ index, text }) => [index, text])).toEqual([
      [0, 'aHello'],
      [1, 'aHello'],
      [2, 'bHello'],
      [3, 'bHello'],
    ]);
  });

  test('those who bring the key, and only them', async () => {
    const { ask, client } = await serve(hello(), { apiKey: 'sesame' });
    expect((await client.models.list()).data).toHaveLength(1);
    const refused = { status: 401, body: { error: { type: 'authentication_error', code: 'invalid_api_key' } } };
    expect(await ask('/v1/models')).toMatchObject(refused);
    for (const key of ['Bearer sesam', 'Bearer ', 'sesame', 'Basic sesame']) {
      expect(await ask(chat, { messages }, { headers: { authorization: key } })).toMatchObject(refused);
    }
  });

  test('no page that has a name of its own point here, unless other machines may ask', async () => {
    const askAs = async ({ port }: ServedEngine, host: string) => {
      const sent = httpRequest({ port, path: '/v1/models', headers: { host } }).end();
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      return { status: response.statusCode, body: await textOf(response) };
    };
    const local = await serve(hello());
    expect(await askAs(local, 'evil.example:80')).toMatchObject({ status: 403, body: /permission_error/ });
    for (const host of ['localhost:1', '127.0.0.1', '[::1]:80']) expect((await askAs(local, host)).status).toBe(200);
    await local.close();
    expect((await askAs(await serve(hello(), { anyHost: true }), 'box.example')).status).toBe(200);
  });
});

describe('refusals', () => {
  test.each([
    [chat, '{"messages": [', 400, { code: 'json_invalid' }],
    [chat, '[]', 400, {}],
    [chat, '"\\ud800"', 400, {}],
    [chat, { messages, model: 'gpt' }, 404, { code: 'model_not_found', param: 'model' }],
    [chat, { messages: 'Hi' }, 400, { param: 'messages' }],
    [chat, { messages: [null] }, 400, { param: 'messages.0' }],
    [chat, { messages: [{ role: 'user', content: 5 }] }, 400, { param: 'messages.0.content' }],
    [chat, { messages, stream: 'yes' }, 400, { param: 'stream' }],
    [chat, { messages, tools: [{ type: 'function' }] }, 400, { param: 'tools.0.function' }],
    [chat, { messages, nonsense: 1 }, 400, { code: 'setting_invalid' }],
    [chat, { messages, n: 99 }, 400, { code: 'setting_invalid' }],
    ['/v1/completions', {}, 400, { param: 'prompt' }],
    ['/v1/completions', { prompt: [1, 'a'] }, 400, { param: 'prompt' }],
    ['/v1/completions', { prompt: [] }, 400, { code: 'prompt_empty' }],
    ['/v1/responses', { input: [{ type: 'item_reference', id: 'x' }] }, 400, { param: 'input.0' }],
    ['/v1/responses', { input: 'Hi', background: true }, 400, { param: 'background' }],
    ['/v1/responses', { input: 'Hi', previous_response_id: 'resp_x' }, 400, { code: 'previous_response_not_found' }],
    ['/tokenize', {}, 400, {}],
    ['/detokenize', { tokens: 'Hi' }, 400, { param: 'tokens' }],
    ['/v1/embeddings', { input: 'Hi' }, 404, { code: 'unknown_url' }],
    ['/v1/toString', {}, 404, { code: 'unknown_url' }],
    ['/v1/models', {}, 405, {}],
  ])('%s %j: %d', async (path, body, status, error) => {
    const { ask, faults } = await serve(hello());
    const told = { type: 'invalid_request_error', message: expect.any(String) as string, ...error };
    expect(await ask(path, body)).toMatchObject({ status, body: { error: told } });
    expect(Object.keys((await ask(path, body)).body['error'] as object)).toEqual(['message', 'type', 'param', 'code']);
    expect(faults).toEqual([]);
  });

  test('a body of another type, which pages elsewhere may send without asking', async () => {
    const { ask } = await serve(hello());
    const init = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: JSON.stringify({ messages }) };
    expect(await ask(chat, undefined, init)).toMatchObject({ status: 415 });
  });

  test('a body of 10 MB, however it comes, and goes on', async () => {
    const { ask, port } = await serve(hello());
    const large = JSON.stringify({ messages: [{ role: 'user', content: 'a'.repeat(10e6) }] });
    const refused = { status: 413, body: { error: { code: 'body_too_large', type: 'invalid_request_error' } } };
    expect(await ask(chat, large)).toMatchObject(refused);
    const inPieces = new Blob([large]).stream();
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: inPieces, duplex: 'half' };
    expect(await ask(chat, undefined, init as RequestInit)).toMatchObject(refused);
    // Who asks before sending is told before sending.
    const headers = { 'content-type': 'application/json', 'content-length': large.length, expect: '100-continue' };
    const asking = httpRequest({ port, path: chat, method: 'POST', headers });
    const proceed = vi.fn();
    asking
      .on('continue', proceed)
      .on('error', () => {})
      .flushHeaders();
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    expect(proceed).not.toHaveBeenCalled();
    asking.destroy();
    expect((await ask(chat, { messages })).status).toBe(200);
  });

  test('more requests than may wait', async () => {
    const { ask, url } = await serve(stuck(), { requests: 1 });
    const leave = new AbortController();
    const body = JSON.stringify({ messages, stream: true });
    const headers = { 'content-type': 'application/json' };
    const first = await fetch(`${url}${chat}`, { method: 'POST', headers, body, signal: leave.signal });
    const refused = { status: 429, body: { error: { type: 'rate_limit_error', code: 'too_many_requests' } } };
    expect(await ask(chat, { messages })).toMatchObject(refused);
    leave.abort();
    await first.text().catch(() => {});
    await vi.waitFor(async () => expect((await ask('/v1/models')).status).toBe(200));
  });

  test.each([
    ['prompt_too_long', 400, 'context_length_exceeded'],
    ['device_lost', 503, 'device_lost'],
    ['internal', 500, 'internal'],
  ] as const)('what the engine throws: %s', async (code, status, told) => {
    const { ask, client, faults } = await serve(
      new PacedEngine(async function* () {
        await Promise.reject(new BambaError(code, 'Something of the inside.'));
        yield endEvent();
      }),
    );
    const answer = await ask(chat, { messages });
    expect(answer).toMatchObject({ status, body: { error: { code: told } } });
    expect(JSON.stringify(answer).includes('of the inside')).toBe(code !== 'internal');
    expect(faults).toHaveLength(status < 500 ? 0 : 1);
    await expect(client.chat.completions.create({ model: 'fake', messages, stream: true })).rejects.toMatchObject({
      status,
    });
  });

  test('what comes in the middle of a stream is told in it', async () => {
    const { client, url } = await serve(
      new PacedEngine(async function* () {
        yield textEvent('A');
        throw new BambaError('device_lost', 'The GPU went.');
      }),
    );
    const stream = await client.chat.completions.create({ model: 'fake', messages, stream: true });
    const read = async () => {
      for await (const _ of stream);
    };
    await expect(read()).rejects.toThrow(APIError);
    const responses = await fetch(`${url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ input: 'Hi', stream: true }),
    });
    expect(await responses.text()).toMatch(/event: error\ndata: \{"message":"The GPU went\."/);
  });

  test('what is no request of HTTP, or never comes to its end', async () => {
    const { port, ask } = await serve(hello(), { requestMs: 300 });
    const say = async (text: string) => {
      const socket = connect(port, '127.0.0.1');
      socket.write(text);
      return textOf(socket);
    };
    expect(await say('Hello?\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [^]*invalid_request_error/);
    const head = `POST ${chat} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99`;
    expect(await say(`${head}\r\n\r\n{"mess`)).toMatch(/^HTTP\/1\.1 408 [^]*invalid_request_error/);
    expect(await say(`GET / HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
    expect((await ask('/v1/models')).status).toBe(200);
  });

  test('any JSON there is, as a fault of who sends it', async () => {
    class Strict extends FakeEngine {
      override async *generate(request: GenerationRequest, options?: GenerateOptions) {
        const { seed: _seed, logitBias: _bias, ...defaults } = GREEDY;
        resolveSampling(parseRequest(request).sampling, defaults, 512);
        yield* super.generate(request, options);
      }
    }
    const { ask, faults } = await serve(new Strict(textEvent('A'), endEvent()));
    const names = ['messages', 'prompt', 'input', 'stream', 'n', 'stop', 'tools', 'tool_choice', 'response_format'];
    const more = ['logprobs', 'max_tokens', 'logit_bias', 'text', 'stream_options', 'seed', 'tokens', 'instructions'];
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.constantFrom('Hi', 1, true, messages, [{ role: 'user', content: [{ type: 'text' }] }], { type: 'function' }),
    );
    const body = fc.dictionary(fc.constantFrom(...names, ...more), value);
    const paths = [chat, '/v1/completions', '/v1/responses', '/tokenize', '/detokenize'];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), body, async (path, given) => {
        const { status } = await ask(path, { ...given, stream: false });
        expect([200, 400]).toContain(status);
      }),
      { numRuns: 200 },
    );
    expect(faults).toEqual([]);
  });
});

describe('clients that leave, or do not read', () => {
  test('a stream that is left stops the answer', async () => {
    const engine = stuck();
    const { client } = await serve(engine);
    const stream = await client.chat.completions.create({ model: 'fake', messages, stream: true });
    for await (const _ of stream) stream.controller.abort();
    await vi.waitFor(() => expect(engine.ends).toEqual(['abort']));
  });

  test('an answer that nobody waits for any more stops', async () => {
    const engine = stuck();
    const { client } = await serve(engine);
    const leave = new AbortController();
    const asked = client.chat.completions.create({ model: 'fake', messages }, { signal: leave.signal });
    await vi.waitFor(() => expect(engine.requests).toHaveLength(1));
    leave.abort();
    await expect(asked).rejects.toThrow();
    await vi.waitFor(() => expect(engine.ends).toEqual(['abort']));
  });

  test('a reader that takes nothing is cut off, and the server goes on', async () => {
    const engine = endless('word '.repeat(10_000));
    const { port, ask, faults } = await serve(engine, { readerMs: 200 });
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    const body = JSON.stringify({ messages, stream: true });
    const head = `POST ${chat} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json`;
    socket.write(`${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    socket.pause();
    await vi.waitFor(() => expect(engine.ends).toHaveLength(1), { timeout: 20_000 });
    socket.destroy();
    expect((await ask('/v1/models')).status).toBe(200);
    expect(faults).toEqual([]);
  });
});
