import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { OpenAiClient } from '../../api/openai.ts';
import type { TokenizingEngine } from '../../engine/protocol.ts';
import { type Access, checkAccess } from './access.ts';
import { drain, type JsonObject, readJson } from './body.ts';
import { asFault, HttpFault } from './fault.ts';
import { KeptResponses } from './kept-responses.ts';
import { findRoute } from './routes.ts';
import { sendEvents, sendJson } from './send.ts';

/** How requests are served. */
export interface ServerOptions extends Access {
  /** What `/tokenizer_info` answers. */
  tokenizer: Readonly<Record<string, unknown>>;
  /** Bytes that a body may have. */
  bodyBytes: number;
  /** Requests that may be answered or wait for that, at most. */
  requests: number;
  /** Milliseconds in which a reader has to take a piece of what is sent. */
  readerMs: number;
  /** Milliseconds in which a whole request has to come. */
  requestMs: number;
  /** Told of faults that are the server's own. */
  onFault: (error: unknown) => void;
}

/**
 * A server of OpenAI's API over an engine. The engine answers several requests at once, and the others wait their turn in it.
 * It does not listen yet.
 */
export function createApiServer(engine: TokenizingEngine, options: ServerOptions): Server {
  const client = new OpenAiClient(engine);
  const served = { engine, client, kept: new KeptResponses(), tokenizer: options.tokenizer };
  let running = 0;

  async function answer(request: IncomingMessage, response: ServerResponse, proceed: () => void): Promise<void> {
    const leaving = new AbortController();
    const { signal } = leaving;
    response.once('close', () => leaving.abort());
    const sending = { response, readerMs: options.readerMs };
    checkAccess(request, options);
    const { run, argument, reads } = findRoute(request);
    const body: JsonObject = reads ? await readJson(request, options.bodyBytes, proceed) : {};
    if (running >= options.requests) {
      throw new HttpFault(429, `${running} requests are waiting already. Ask again when some are answered.`, {
        code: 'too_many_requests',
        headers: { 'retry-after': '1' },
      });
    }
    running++;
    try {
      const reply = await run({ ...served, body, argument, signal });
      if ('events' in reply) await sendEvents(sending, reply);
      else await sendJson(sending, 200, reply.json);
    } finally {
      running--;
    }
  }

  async function refuse(
    request: IncomingMessage,
    response: ServerResponse,
    { error, comes }: { error: unknown; comes: boolean },
  ): Promise<void> {
    // Whoever left hears nothing, and it is no fault of the server.
    if (response.destroyed || (request.destroyed && !request.complete)) return;
    const fault = asFault(error);
    if (fault.status >= 500) options.onFault(error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const whole = comes && (await drain(request));
    const headers = { ...fault.headers, ...(!whole && { connection: 'close' }) };
    await sendJson({ response, readerMs: options.readerMs }, fault.status, fault.body, headers);
  }

  /** @param waits whether the body comes only once the client is told to send it */
  const take = (request: IncomingMessage, response: ServerResponse, waits: boolean) => {
    let comes = !waits;
    const proceed = () => {
      if (!comes) response.writeContinue();
      comes = true;
    };
    void answer(request, response, proceed)
      .catch((error: unknown) => refuse(request, response, { error, comes }))
      // Whoever asked has left in the middle of the refusal.
      .catch(() => response.destroy());
  };

  const { requestMs } = options;
  const server = createServer({
    requestTimeout: requestMs,
    headersTimeout: requestMs,
    connectionsCheckingInterval: Math.min(requestMs, 30_000),
  });
  server.on('request', (request, response) => take(request, response, false));
  server.on('checkContinue', (request, response) => take(request, response, true));
  server.on('clientError', refuseBroken);
  return server;
}

/** Refuses what is no request of HTTP, or does not come to its end. */
function refuseBroken(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const fault = BROKEN[error.code ?? ''] ?? new HttpFault(400, 'This is no request of HTTP.');
  const body = `${JSON.stringify(fault.body)}\n`;
  const head = [`HTTP/1.1 ${fault.status} Refused`, 'content-type: application/json', 'connection: close'];
  socket.end(`${[...head, `content-length: ${Buffer.byteLength(body)}`].join('\r\n')}\r\n\r\n${body}`);
}

const BROKEN: Readonly<Record<string, HttpFault>> = {
  ERR_HTTP_REQUEST_TIMEOUT: new HttpFault(408, 'The request did not come to its end in time.'),
  HPE_HEADER_OVERFLOW: new HttpFault(431, 'The headers of the request are too large.'),
};
