import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { badRequest, HttpFault } from './fault.ts';

/** What is read of a body that is refused, so that its sender gets to read why. */
const DRAINED_BYTES = 64 * 2 ** 20;
const DRAINED_MS = 5000;

/** The body of a request: an object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads the body of a request as JSON.
 * @param limit bytes that it may have
 * @param proceed called before it is read, for clients that wait to be told so
 * @throws HttpFault 413 for a body that is too large, 415 for another type, 400 for what is no JSON object
 */
export async function readJson(request: IncomingMessage, limit: number, proceed: () => void): Promise<JsonObject> {
  // A page in a browser may send other types to any address without asking; it has to ask for this one.
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new HttpFault(415, 'The content-type of the body has to be application/json.');
  }
  const tooLarge = () =>
    new HttpFault(413, `The body has more than ${limit} bytes. Send less, or start the server with --max-body.`, {
      code: 'body_too_large',
    });
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge();
  proceed();
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > limit) throw tooLarge();
    pieces.push(piece);
  }
  return parse(Buffer.concat(pieces));
}

function parse(bytes: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (error) {
    throw badRequest(`The body is not JSON: ${(error as Error).message}`, { code: 'json_invalid' });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw badRequest('The body has to be a JSON object.');
}

/**
 * Reads on through a body that nobody wants, within bounds: a sender that is cut off does not read the answer.
 * @returns whether the body has ended
 */
export async function drain(request: IncomingMessage): Promise<boolean> {
  if (request.complete || request.destroyed) return true;
  const waiting = new AbortController();
  const ended = new Promise<void>((resolve) => {
    let bytes = 0;
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > DRAINED_BYTES) resolve();
    });
    for (const event of ['end', 'close', 'error']) request.once(event, () => resolve());
    request.resume();
  });
  await Promise.race([ended, sleep(DRAINED_MS, undefined, { signal: waiting.signal }).catch(() => {})]);
  waiting.abort();
  return request.complete;
}
