import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { memorySource } from '../../weights/byte-source.ts';
import { Checkpoint } from '../../weights/checkpoint.ts';
import type { Manifest } from '../../weights/manifest.ts';
import { writePackage } from '../../weights/package-writer.ts';
import { safetensorsBytes } from '../checkpoints/test-checkpoint.ts';

// A package in memory and a server for it whose answers can be tampered with, for tests.

export interface TestPackage {
  manifest: Manifest;
  files: Map<string, Uint8Array<ArrayBuffer>>;
}

/**
 * A package of a shard for each of `seeds`, the last one small. Shards of equal seeds at equal places are equal.
 */
export async function testPackage(seeds: readonly number[] = [1, 2, 3]): Promise<TestPackage> {
  const rows = 4096;
  const tensors = Object.fromEntries(
    seeds.map((seed, i) => {
      // As f32 these fill a shard each; the last one has 256 KB.
      const shape = [i === seeds.length - 1 ? rows / 64 : rows, 1024];
      const data = new Uint8Array((shape[0] as number) * 1024);
      for (let at = 0; at < data.length; at++) data[at] = (at * seed + (at >> 10)) % 0x7f;
      return [`x${i}`, { dtype: 'F8_E4M3', shape, data }];
    }),
  );
  const text = (value: string) => new TextEncoder().encode(value);
  const checkpoint = await Checkpoint.open(
    memorySource({
      'model.safetensors': safetensorsBytes(tensors),
      'tokenizer.json': text('{"model": {}}'),
      'generation_config.json': text('{}'),
    }),
  );
  const files: TestPackage['files'] = new Map();
  const manifest = await writePackage({
    checkpoint,
    specs: Object.entries(tensors).map(([name, { shape }]) => ({
      name,
      shape,
      kind: 'matrix',
      sources: [{ name, shape }],
      arrange: 'stack',
    })),
    scheme: 'f32',
    name: 'Test',
    architecture: {},
    sink: {
      write: async (file, bytes) => {
        files.set(file, bytes);
      },
    },
  });
  return { manifest, files };
}

/** Answers a request in its own way; true where it did. */
export type Fault = (
  file: string,
  body: Uint8Array,
  response: ServerResponse,
  attempt: number,
  request: IncomingMessage,
) => boolean;

export interface TestServer {
  url: string;
  /** Files that were asked for, in order. */
  requests: string[];
  /** What it serves; may be replaced. */
  files: Map<string, Uint8Array>;
  fault: Fault;
  close(): Promise<void>;
}

/** Serves files under `/model/`. */
export async function testServer(files: Map<string, Uint8Array>): Promise<TestServer> {
  const server = createServer((request, response) => {
    const file = (request.url ?? '').slice('/model/'.length);
    state.requests.push(file);
    const body = state.files.get(file);
    const attempt = state.requests.filter((other) => other === file).length;
    if (body && state.fault(file, body, response, attempt, request)) return;
    const [, begin, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const type = { 'content-type': 'application/octet-stream' };
    if (!body) response.writeHead(404).end();
    else if (begin === undefined) response.writeHead(200, type).end(body);
    else if (Number(begin) >= body.length) response.writeHead(416).end();
    else {
      const range = { 'content-range': `bytes ${begin}-${last}/${body.length}` };
      response.writeHead(206, { ...type, ...range }).end(body.subarray(Number(begin), Number(last) + 1));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const state: TestServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/model/`,
    requests: [],
    files,
    fault: () => false,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return state;
}
