import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { loadModel } from '../engine/loading/load.ts';
import { BambaError } from '../errors.ts';
import { forwardModel, means, type Score, scoreSequence, total } from '../generate/perplexity.ts';
import { parseScoredText, type ScoredText } from '../generate/scored-text.ts';
import { adapterName } from '../engine/loading/adapter-name.ts';
import { Gpu } from '../gpu/device.ts';
import { CACHE_TYPES, type CacheType } from '../kernels/attention/kv-cache.ts';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { SCHEMES } from '../weights/manifest.ts';
import { sha256Hex } from '../weights/sha256.ts';
import type { Scheme } from '../weights/types.ts';
import { installDawn } from '../tools/machine/dawn.ts';
import { openModel } from './open-model.ts';
import { ScoreLog } from './score-log.ts';

const USAGE = `Usage: npm run perplexity -- MODEL TEXT.json [--dtype ${SCHEMES.join('|')}] [--int8dots]
                             [--cache ${CACHE_TYPES.join('|')}] [--limit N] [--log FILE] [--json]

Scores MODEL over TEXT.json. MODEL is a package, a checkpoint or a GGUF file; the latter two are converted in memory to
--dtype (default f32). TEXT.json is {"sequences": [{"ids": [...], "answer": [...]}, ...], "reference": {"nll", "top1",
"tokens"}}. An answer has a 1 for each token whose prediction counts. Prints mean negative log-likelihood (nats) and top-1
share.
  --int8dots   with activations rounded to int8, as the option int8Activations reads prompts
  --cache T    with keys and values stored as T, as the option kvCacheType does; f32 unless given
  --limit N    only the first N sequences
  --log FILE   writes the score of each sequence to FILE; with the same FILE again, goes on where it stopped`;

/** The command `perplexity`. @returns 0, or 2 for wrong arguments. */
export async function main(args: string[]): Promise<number> {
  let request: ReturnType<typeof readArguments>;
  try {
    request = readArguments(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (!request) {
    console.log(USAGE);
    return 0;
  }
  const bytes = await readFile(request.text);
  const text = parseScoredText(parseJson(bytes, request.text));
  const source = await openModel(request.model, request.scheme, 'f32');
  const { name, scheme, shards } = source.manifest;
  // The weights identify a measurement, not the folder's name.
  const weights = await sha256Hex(new TextEncoder().encode(shards.map((shard) => shard.sha256).join()));
  const { int8Activations, kvCacheType } = request;
  const subject = {
    name,
    scheme,
    int8Activations,
    // Logs of before there was a choice are of f32.
    ...(kvCacheType !== 'f32' && { kvCacheType }),
    weights,
    text: await sha256Hex(new Uint8Array(bytes)),
  };
  const log = await ScoreLog.open(request.log, subject);
  const sequences = Math.min(request.limit, text.sequences.length);
  const adapter = await scoreMissing(source, text, sequences, log, { int8Activations, kvCacheType });
  const score = total([...log.scores].filter(([index]) => index < sequences).map(([, scored]) => scored));
  const result = {
    model: name,
    scheme,
    int8Activations,
    kvCacheType,
    ...means(score),
    tokens: score.tokens,
    sequences,
    // Over part of the text the reference says nothing.
    reference: sequences === text.sequences.length ? text.reference : null,
    adapter,
  };
  console.log(request.json ? JSON.stringify(result, null, 1) : summary(result));
  return 0;
}

/** Scores what the log does not have yet. @returns the adapter, for people. */
async function scoreMissing(
  source: PackageSource,
  text: ScoredText,
  sequences: number,
  log: ScoreLog,
  options: { int8Activations: boolean; kvCacheType: CacheType },
): Promise<string> {
  installDawn();
  const gpu = await Gpu.request();
  try {
    const model = await loadModel(gpu, source, options);
    const scored = forwardModel(model);
    try {
      for (const [index, sequence] of text.sequences.slice(0, sequences).entries()) {
        if (log.scores.has(index)) continue;
        const begun = performance.now();
        const score = await scoreSequence(scored, sequence);
        const seconds = (performance.now() - begun) / 1000;
        await log.append(index, score, seconds);
        process.stderr.write(`${index + 1} of ${sequences}: ${line(score)}, ${seconds.toFixed(1)} s\n`);
      }
    } finally {
      model.dispose();
    }
    return adapterName(gpu.adapterInfo);
  } finally {
    gpu.dispose();
  }
}

function parseJson(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw new BambaError('setting_invalid', `${file} is not JSON: ${(cause as Error).message}.`, { cause });
  }
}

interface Request {
  model: string;
  text: string;
  scheme: Scheme | undefined;
  int8Activations: boolean;
  kvCacheType: CacheType;
  limit: number;
  log: string | undefined;
  json: boolean;
}

function readArguments(args: string[]): Request | null {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      dtype: { type: 'string' },
      int8dots: { type: 'boolean', default: false },
      cache: { type: 'string', default: 'f32' },
      limit: { type: 'string' },
      log: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return null;
  const [model, text, ...rest] = positionals;
  if (model === undefined || text === undefined || rest.length > 0) throw new Error('A model and a text are needed.');
  const scheme = SCHEMES.find((known) => known === values.dtype);
  if (values.dtype !== undefined && !scheme) throw new Error(`--dtype has to be one of ${SCHEMES.join(', ')}.`);
  const kvCacheType = CACHE_TYPES.find((known) => known === values.cache);
  if (!kvCacheType) throw new Error(`--cache has to be one of ${CACHE_TYPES.join(', ')}.`);
  const limit = Number(values.limit ?? Infinity);
  if (!(limit >= 1) || (values.limit !== undefined && !Number.isInteger(limit))) {
    throw new Error('--limit has to be a whole number of at least 1.');
  }
  const { int8dots: int8Activations, log, json } = values;
  return { model, text, scheme, int8Activations, kvCacheType, limit, log, json };
}

function line(score: Score): string {
  const { nll, top1 } = means(score);
  return `${score.tokens} tokens, NLL ${nll.toFixed(5)}, top-1 ${top1.toFixed(5)}`;
}

function summary(result: {
  model: string;
  scheme: Scheme;
  int8Activations: boolean;
  kvCacheType: CacheType;
  nll: number;
  top1: number;
  tokens: number;
  sequences: number;
  reference: ScoredText['reference'];
  adapter: string;
}): string {
  const { nll, top1, tokens, reference, int8Activations, kvCacheType } = result;
  const cache = kvCacheType === 'f32' ? '' : `, keys and values in ${kvCacheType}`;
  const scheme = `${result.scheme}${int8Activations ? ' with int8 activations' : ''}${cache}`;
  const score = line({ nll: nll * tokens, top1: top1 * tokens, tokens });
  const lines = [`${result.model} as ${scheme} on ${result.adapter}, ${result.sequences} sequences: ${score}`];
  if (reference) lines.push(`Reference: NLL ${reference.nll.toFixed(5)}, top-1 ${reference.top1.toFixed(5)}`);
  return lines.join('\n');
}
