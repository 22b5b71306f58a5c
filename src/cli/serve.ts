import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { LocalEngine } from '../engine/local-engine.ts';
import { PRECISION_NAMES } from '../engine/options.ts';
import type { TokenizingEngine } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { installDawn } from '../tools/machine/dawn.ts';
import { SCHEMES } from '../weights/manifest.ts';
import { oneOf, readRequest } from './arguments.ts';
import { tokenizingEngine } from './local-engine.ts';
import { openModel } from './open-model.ts';
import { readRopeScaling, ROPE_USAGE } from './rope-option.ts';
import { isLoopback } from './serve/access.ts';
import { createApiServer } from './serve/server.ts';
import { tokenizerInfo } from './serve/tokens.ts';

const USAGE = `Usage: npm run serve -- MODEL [--dtype TYPE] [--context N] [--rope-scaling S] [--precision P]
                       [--port N] [--host ADDRESS] [--api-key KEY] [--max-body MB] [--max-requests N] [--slow-reader S]

Serves MODEL to programs through OpenAI's API: a package, a checkpoint or a GGUF file. docs/SERVER.md has examples.
  --dtype T         how its matrices are stored: ${SCHEMES.join(', ')}; int8 unless given
  --context N       tokens of prompt and answer together
  --rope-scaling S  ${ROPE_USAGE}
  --precision P     how exact it computes: ${PRECISION_NAMES.join(', ')}; balanced unless given
  --port N          8080 unless given; 0 takes a free one
  --host A          the address to listen at, 127.0.0.1 unless given; 0.0.0.0 takes requests from other machines
  --api-key K       the key that requests have to bring; also as the environment variable BAMBA_API_KEY
  --max-body MB     megabytes of a request's body, at most; 8 unless given
  --max-requests N  requests that are answered or wait, at most; 128 unless given. The engine answers one at a time
  --slow-reader S   seconds in which a client has to take a piece of an answer; 30 unless given`;

const REQUEST_MS = 120_000;

/** The command `serve`. @returns 0 when it is stopped, 2 for wrong arguments. @throws BambaError of the engine. */
export async function main(args: string[]): Promise<number> {
  const request = readRequest(args, USAGE, readArguments);
  if (typeof request === 'number') return request;
  installDawn();
  const source = await openModel(request.model, request.scheme, 'int8');
  const tokenizer = await tokenizerInfo(source);
  const engine = await LocalEngine.load(source, {
    ...(request.context !== undefined && { contextLength: request.context }),
    ...(request.ropeScaling && { ropeScaling: request.ropeScaling }),
    precision: request.precision,
    onMessage: (message) => console.error(message),
  });
  engine.onStatus(({ message }) => console.error(message));
  try {
    await listen(tokenizingEngine(engine), tokenizer, request);
    return 0;
  } finally {
    engine.dispose();
  }
}

/** Serves until the process is asked to stop. */
async function listen(engine: TokenizingEngine, tokenizer: object, request: Request): Promise<void> {
  const { host, port, apiKey, bodyBytes, requests, readerMs } = request;
  const server = createApiServer(engine, {
    apiKey,
    bodyBytes,
    requests,
    readerMs,
    requestMs: REQUEST_MS,
    anyHost: !isLoopback(host),
    tokenizer: { ...tokenizer },
    onFault: (error) => console.error(error),
  });
  server.listen(port, host);
  await once(server, 'listening').catch((error: Error) => {
    throw new BambaError('setting_invalid', `Cannot listen at ${host}:${port}: ${error.message}. Give another --port.`);
  });
  const bound = server.address() as AddressInfo;
  const name = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  console.log(`${engine.info.model.name} answers at http://${name}:${bound.port}/v1`);
  if (!isLoopback(host) && apiKey === undefined) {
    console.error('Anyone who reaches this machine may ask: there is no --api-key.');
  }
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  server.close();
  server.closeAllConnections();
}

type Request = NonNullable<ReturnType<typeof readArguments>>;

function readArguments(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      dtype: { type: 'string' },
      context: { type: 'string' },
      'rope-scaling': { type: 'string' },
      precision: { type: 'string', default: 'balanced' },
      port: { type: 'string', default: '8080' },
      host: { type: 'string', default: '127.0.0.1' },
      'api-key': { type: 'string' },
      'max-body': { type: 'string', default: '8' },
      'max-requests': { type: 'string', default: '128' },
      'slow-reader': { type: 'string', default: '30' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return null;
  const [model, ...rest] = positionals;
  if (model === undefined || rest.length > 0) throw new Error('One model is needed.');
  const scheme = values.dtype === undefined ? undefined : oneOf('--dtype', values.dtype, SCHEMES);
  const apiKey = values['api-key'] ?? process.env['BAMBA_API_KEY'];
  if (apiKey === '') throw new Error('The API key is empty: give one, or leave it out.');
  return {
    model,
    scheme,
    context: values.context === undefined ? undefined : whole('--context', values.context, 1, Infinity),
    ropeScaling: readRopeScaling(values['rope-scaling']),
    precision: oneOf('--precision', values.precision, PRECISION_NAMES),
    port: whole('--port', values.port, 0, 65535),
    host: values.host,
    apiKey,
    bodyBytes: whole('--max-body', values['max-body'], 1, 1024) * 2 ** 20,
    requests: whole('--max-requests', values['max-requests'], 1, 100_000),
    readerMs: whole('--slow-reader', values['slow-reader'], 1, 3600) * 1000,
  };
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  const range = most === Infinity ? `from ${least} on` : `from ${least} to ${most}`;
  throw new Error(`${option} takes a whole number ${range}, not ${JSON.stringify(text)}.`);
}
