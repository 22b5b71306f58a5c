import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import OpenAI from 'openai';
import { createApiServer, type ServerOptions } from '../../cli/serve/server.ts';
import type { TokenizingEngine } from '../../engine/protocol.ts';

/** An engine behind a server of its own, on this machine. */
export interface ServedEngine {
  url: string;
  port: number;
  /** OpenAI's own client for it. */
  client: OpenAI;
  /** Faults that the server called its own. */
  faults: unknown[];
  /** Sends a body, as it is where it is a string. */
  ask: (path: string, body?: unknown, init?: RequestInit) => Promise<{ status: number; body: Record<string, unknown> }>;
  close: () => Promise<void>;
}

/** Serves an engine. */
export async function serveEngine(
  engine: TokenizingEngine,
  options: Partial<ServerOptions> = {},
): Promise<ServedEngine> {
  const faults: unknown[] = [];
  const server = createApiServer(engine, {
    anyHost: false,
    tokenizer: { eos_token: '<eos>' },
    bodyBytes: 2 ** 20,
    requests: 64,
    readerMs: 10_000,
    requestMs: 30_000,
    onFault: (fault) => faults.push(fault),
    ...options,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey: options.apiKey ?? 'none', maxRetries: 0 }),
    faults,
    ask: async (path, body, init = {}) => {
      const answer = await fetch(`${url}${path}`, {
        ...(body !== undefined && {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
        ...init,
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
