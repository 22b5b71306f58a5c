// The cost of quantization, measured in a browser on its GPU. The query says what to load:
//   text        URL of a scored text, see src/generate/scored-text.ts
//   checkpoint  URL of a GGUF file, or of a folder with config.json and model.safetensors; converted here for each `dtype`
//   dtype       f32, f16, int8, fp8 or int4; may be repeated
//   package     URL of a package; may be repeated
//   limit       score only so many sequences
//   int8dots    1: compute prompts with activations of int8 where weights are int8 or int4
//   cache       what keys and values are stored as: f32 (the default), f16 or int8
//   matrices    1: with subgroup matrices where weights are int8 or int4; an adapter without them is refused
// `__result` is then a promise of a Report.

import { GgufSource } from '../../src/architecture/gguf/gguf-source.ts';
import { loadModel } from '../../src/engine/loading/load.ts';
import { packCheckpoint } from '../../src/engine/loading/pack-checkpoint.ts';
import { means, type Score, scoreSequence, total } from '../../src/generate/perplexity.ts';
import { forwardModel } from '../../src/generate/prompt-logprobs.ts';
import { parseScoredText, type ScoredText } from '../../src/generate/scored-text.ts';
import { Gpu } from '../../src/gpu/device.ts';
import { CACHE_TYPES } from '../../src/kernels/attention/kv-cache.ts';
import { openStoredPackage, type PackageSource } from '../../src/storage/packages/package-source.ts';
import { type ByteSource, memorySource } from '../../src/weights/byte-source.ts';
import { SCHEMES } from '../../src/weights/manifest.ts';

interface Measurement {
  /** Mean, in nats. */
  nll: number;
  top1: number;
  tokens: number;
  sequences: number;
  /** Of forward passes, reading all logits back, and scoring on the CPU. */
  seconds: number;
  /** Tokens that went through the model, by those seconds. */
  tokensPerSecond: number;
  scores: Score[];
}

interface Report {
  adapter: { vendor: string; architecture: string; description: string };
  features: string[];
  browser: string;
  reference: ScoredText['reference'];
  /** By scheme, or by the URL of a package. */
  measured: Record<string, Measurement>;
}

const query = new URLSearchParams(location.search);

function say(line: string): void {
  console.log(line);
  document.querySelector('#log')?.append(`${line}\n`);
}

function required(name: string): string {
  const value = query.get(name);
  if (value === null) throw new Error(`The query has no ${name}.`);
  return value;
}

async function fetchBytes(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} gave ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function fetchCheckpoint(folder: string): Promise<ByteSource> {
  const file = folder.split('/').at(-1)!;
  if (file.endsWith('.gguf')) return new GgufSource(memorySource({ [file]: await fetchBytes(folder) }), file);
  const url = folder.endsWith('/') ? folder : `${folder}/`;
  const names = ['config.json', 'model.safetensors'];
  const files = await Promise.all(names.map(async (name) => [name, await fetchBytes(url + name)] as const));
  return memorySource(Object.fromEntries(files));
}

async function measure(gpu: Gpu, name: string, source: PackageSource, text: ScoredText): Promise<Measurement> {
  const int8Activations = query.get('int8dots') === '1';
  const cache = query.get('cache') ?? 'f32';
  const kvCacheType = CACHE_TYPES.find((type) => type === cache);
  if (!kvCacheType) throw new Error(`cache is one of ${CACHE_TYPES.join(', ')}, not ${cache}.`);
  const model = await loadModel(gpu, source, { int8Activations, kvCacheType });
  try {
    say(`${name}: loaded`);
    const scored = forwardModel(model);
    const scores: Score[] = [];
    let passed = 0;
    let seconds = 0;
    for (const sequence of text.sequences) {
      const begun = performance.now();
      scores.push(await scoreSequence(scored, sequence));
      seconds += (performance.now() - begun) / 1000;
      passed += sequence.ids.length - 1;
    }
    const score = total(scores);
    const measurement = {
      ...means(score),
      tokens: score.tokens,
      sequences: scores.length,
      seconds,
      tokensPerSecond: passed / seconds,
      scores,
    };
    say(`${name}: NLL ${measurement.nll}, top-1 ${measurement.top1}, ${score.tokens} tokens, ${seconds.toFixed(1)} s`);
    return measurement;
  } finally {
    model.dispose();
  }
}

async function main(): Promise<Report> {
  const all = parseScoredText(await (await fetch(required('text'))).json());
  const limit = Number(query.get('limit') ?? Infinity);
  const text = { ...all, sequences: all.sequences.slice(0, limit) };
  const subgroupMatrices = query.get('matrices') === '1';
  const gpu = await Gpu.request({ subgroupMatrices });
  if (subgroupMatrices && !gpu.features.subgroupMatrices)
    throw new Error('The adapter offers no subgroup matrices of int8.');
  const { vendor, architecture, description } = gpu.adapterInfo;
  const report: Report = {
    adapter: { vendor, architecture, description },
    features: [...gpu.device.features],
    browser: navigator.userAgent,
    // Over part of the text the reference says nothing.
    reference: text.sequences.length === all.sequences.length ? all.reference : null,
    measured: {},
  };
  say(JSON.stringify(report.adapter));
  const schemes = query.getAll('dtype').map((name) => {
    const scheme = SCHEMES.find((known) => known === name);
    if (!scheme) throw new Error(`There is no dtype ${name}.`);
    return scheme;
  });
  if (schemes.length > 0) {
    const checkpoint = await fetchCheckpoint(required('checkpoint'));
    for (const scheme of schemes) {
      report.measured[scheme] = await measure(gpu, scheme, await packCheckpoint(checkpoint, scheme, scheme), text);
    }
  }
  for (const url of query.getAll('package')) {
    report.measured[url] = await measure(gpu, url, await openStoredPackage(url, { store: null }), text);
  }
  gpu.check();
  return report;
}

// Under this name whoever runs the page finds it.
Object.assign(globalThis, { __result: main() });
