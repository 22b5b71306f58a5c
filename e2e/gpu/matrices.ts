// Whether subgroup matrices give the logits that a model has without them, measured in a browser on a GPU that has them.
// The query says what to compare:
//   package     URL of a package
//   tokens      lengths of prompts, by default 33,64,65,200,256,300: around the tile of 64, and longer than a chunk
// `__result` is then a promise of a Report.

import { loadModel } from '../../src/engine/loading/load.ts';
import { Gpu } from '../../src/gpu/device.ts';
import { forward } from '../../src/model/forward.ts';
import type { Model } from '../../src/model/model.ts';
import { openStoredPackage } from '../../src/storage/packages/package-source.ts';

interface Comparison {
  tokens: number;
  /** Mean squared difference of logits over their mean square. */
  nmse: number;
  /** Largest difference, over the root of that mean square. */
  largest: number;
  /** Share of tokens with the same best logit. */
  top1: number;
  /** Of the pass, reading back all logits included. */
  seconds: { plain: number; matrices: number };
}

interface Report {
  adapter: string;
  features: string[];
  browser: string;
  compared: Comparison[];
}

const query = new URLSearchParams(location.search);

function say(line: string): void {
  console.log(line);
  document.querySelector('#log')?.append(`${line}\n`);
}

async function read(model: Model, tokens: number): Promise<{ logits: Float32Array; seconds: number }> {
  const ids = Array.from({ length: tokens }, (_, index) => (index * 7919 + 1) % model.architecture.vocabSize);
  model.state.reset();
  const begun = performance.now();
  const { logits } = await forward(model, ids);
  return { logits, seconds: (performance.now() - begun) / 1000 };
}

function best(logits: Float32Array): number {
  return logits.reduce((most, value, index) => (value > logits[most]! ? index : most), 0);
}

function compare(plain: Float32Array, other: Float32Array, vocabulary: number) {
  const tokens = plain.length / vocabulary;
  let [squares, errors, largest, same] = [0, 0, 0, 0];
  for (const [index, value] of plain.entries()) {
    // Not finite where one of them is not.
    const error = Math.abs(value - other[index]!);
    squares += value ** 2;
    errors += error ** 2;
    largest = Math.max(largest, error);
  }
  for (let t = 0; t < tokens; t++) {
    const [begin, end] = [t * vocabulary, (t + 1) * vocabulary];
    if (best(plain.subarray(begin, end)) === best(other.subarray(begin, end))) same++;
  }
  return { nmse: errors / squares, largest: largest / Math.sqrt(squares / plain.length), top1: same / tokens };
}

async function main(): Promise<Report> {
  const url = query.get('package');
  if (url === null) throw new Error('The query has no package.');
  const lengths = (query.get('tokens') ?? '33,64,65,200,256,300').split(',').map(Number);
  const having = await Gpu.request({ subgroupMatrices: true });
  if (!having.features.subgroupMatrices) throw new Error('The adapter offers no subgroup matrices of int8.');
  const lacking = await Gpu.request();
  const contextLength = Math.max(...lengths) + 1;
  const source = await openStoredPackage(url, { store: null });
  const plain = await loadModel(lacking, source, { contextLength });
  const matrices = await loadModel(having, source, { contextLength });
  const compared: Comparison[] = [];
  for (const tokens of lengths) {
    const [expected, got] = [await read(plain, tokens), await read(matrices, tokens)];
    const seconds = { plain: expected.seconds, matrices: got.seconds };
    const row = { tokens, ...compare(expected.logits, got.logits, plain.architecture.vocabSize), seconds };
    say(JSON.stringify(row));
    compared.push(row);
  }
  having.check();
  lacking.check();
  const { vendor, architecture, description } = having.adapterInfo;
  const adapter = description || `${vendor} ${architecture}`;
  return { adapter, features: [...having.device.features], browser: navigator.userAgent, compared };
}

// Under this name whoever runs the page finds it.
Object.assign(globalThis, { __result: main() });
