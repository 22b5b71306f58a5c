import type { ServerResponse } from 'node:http';
import { BambaError } from '../../errors.ts';
import { asFault, type HttpFault } from './fault.ts';

/** Bytes that are written at once: a reader that takes this many within the deadline is not too slow. */
const PIECE_BYTES = 64 * 2 ** 10;

/** How an answer is sent. */
export interface Sending {
  response: ServerResponse;
  /** Milliseconds in which a reader has to take a piece. */
  readerMs: number;
}

/** One event of a stream; with a name where its API has names. */
export interface ServerEvent {
  name?: string;
  data: unknown;
}

/** A stream of events as an API has it. */
export interface EventStream {
  events: AsyncIterable<ServerEvent>;
  /** How a fault is told in the middle. */
  fault: (fault: HttpFault) => ServerEvent;
  /** The last line, where there is one. */
  last?: string;
}

/**
 * Sends a value as JSON.
 * @throws BambaError `aborted` where the reader has left, or is too slow: it is cut off then
 */
export async function sendJson(
  sending: Sending,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
  sending.response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    ...headers,
  });
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) await write(sending, bytes.subarray(at, at + PIECE_BYTES));
  await end(sending);
}

/**
 * Sends events as they come. What fails before the first one is thrown: its status can still be told.
 * @throws BambaError `aborted` as `sendJson`; what `events` throws at first
 */
export async function sendEvents(sending: Sending, { events, fault, last }: EventStream): Promise<void> {
  const iterator = events[Symbol.asyncIterator]();
  try {
    let next = await iterator.next();
    sending.response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    });
    try {
      for (; !next.done; next = await iterator.next()) await write(sending, frame(next.value));
      if (last !== undefined) await write(sending, `data: ${last}\n\n`);
    } catch (error) {
      if (sending.response.destroyed) throw error;
      await write(sending, frame(fault(asFault(error))));
    }
    await end(sending);
  } finally {
    await iterator.return?.();
  }
}

function frame({ name, data }: ServerEvent): string {
  return `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`;
}

async function write({ response, readerMs }: Sending, piece: string | Uint8Array): Promise<void> {
  if (response.destroyed) throw left();
  if (!response.write(piece)) await heard(response, 'drain', readerMs);
}

async function end({ response, readerMs }: Sending): Promise<void> {
  if (response.destroyed) throw left();
  const finished = heard(response, 'finish', readerMs);
  response.end();
  await finished;
}

/** Waits for an event of a response. A reader for which it does not come in time is cut off. */
function heard(response: ServerResponse, event: 'drain' | 'finish', ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: BambaError) => {
      clearTimeout(timer);
      response.off(event, come).off('close', gone);
      if (error) reject(error);
      else resolve();
    };
    const come = () => settle();
    const gone = () => settle(left());
    const timer = setTimeout(() => {
      response.destroy();
      settle(new BambaError('aborted', `The reader took nothing for ${ms / 1000} s, and was cut off.`));
    }, ms);
    response.once(event, come).once('close', gone);
  });
}

function left(): BambaError {
  return new BambaError('aborted', 'The reader has left.');
}
