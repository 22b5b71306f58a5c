import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadModel } from '../engine/load.ts';
import { packCheckpoint } from '../engine/pack-checkpoint.ts';
import { generateIds } from '../generate/generate.ts';
import { readGenerationConfig, resolveSampling } from '../generate/sampling.ts';
import { Gpu } from '../gpu/device.ts';
import { forward, readState } from '../model/forward.ts';
import type { Model } from '../model/model.ts';
import { SCHEMES } from '../weights/manifest.ts';
import type { Scheme } from '../weights/types.ts';
import { installDawn } from './dawn.ts';
import { folderSource } from './folder.ts';
import { type Golden, goldenStage, readGolden } from './golden.ts';

const USAGE = `Usage: npm run verify -- FOLDER... [--json] [--dtype ${SCHEMES.join('|')}] [--tolerance N] [--without subgroups]

Runs checkpoints that bring a golden.safetensors (results of the reference implementation) through WebGPU and compares:
logits, hidden states and final states, the prompt in one piece and split, and the greedy continuation.
Tolerances are of the largest magnitude: 2e-4, and 1e-3 for Falcon-H1, whose reference rounds more, or --tolerance.
The reference has the checkpoint's own weights: another --dtype than f32 adds its rounding to every figure. On small
models with random weights that is about 0.04 with int8 and 0.3 with int4, beyond what leaves every greedy token alone;
what it costs a trained model, npm run perplexity measures.`;

/** Where prompts are cut in two. */
const SPLITS = [1, 2, 3, 63, 64, 65, 255, 256, 257];
const GREEDY = resolveSampling({ temperature: 0 }, readGenerationConfig(undefined).sampling, Infinity);
/** Below this gap between best and second-best logit either choice is right. */
const MARGIN = 1e-3;

interface Row {
  case: string;
  /** Largest error relative to the reference's largest magnitude: one piece, and the worst of all splits. */
  logits: number;
  hidden: number;
  states: number;
  splits: number;
  /** Greedy tokens that agree, of those with a margin. */
  greedy: string;
  tolerance: number;
  pass: boolean;
}

/** Largest error that passes, by family. */
const TOLERANCES: Readonly<Record<string, number>> = { falcon_h1: 1e-3 };
const TOLERANCE = 2e-4;

/** The command `verify`. @returns 0 when every case is within tolerance, 1 when not, 2 for wrong arguments. */
export async function main(args: string[]): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        dtype: { type: 'string', default: 'f32' },
        tolerance: { type: 'string' },
        without: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const { values, positionals } = parsed;
  const tolerance = values.tolerance === undefined ? null : Number(values.tolerance);
  const scheme = SCHEMES.find((name) => name === values.dtype);
  if (values.help || positionals.length === 0 || !scheme || (tolerance !== null && !(tolerance > 0))) {
    console.error(USAGE);
    return values.help ? 0 : 2;
  }
  installDawn();
  const gpu = await Gpu.request({
    without: (['subgroups', 'f16'] as const).filter((feature) => values.without.includes(feature)),
  });
  const rows: Row[] = [];
  try {
    for (const folder of positionals) {
      const row = await verifyFolder(gpu, resolve(folder), scheme, tolerance);
      rows.push(row);
      if (!values.json) console.log(formatRow(row));
    }
  } finally {
    gpu.dispose();
  }
  const failed = rows.filter((row) => !row.pass).length;
  if (values.json) {
    const { vendor, architecture, description } = gpu.adapterInfo;
    console.log(JSON.stringify({ adapter: { vendor, architecture, description }, scheme, rows }, null, 1));
  } else {
    console.log(`${rows.length - failed} of ${rows.length} within tolerance`);
  }
  return failed > 0 ? 1 : 0;
}

async function verifyFolder(gpu: Gpu, folder: string, scheme: Scheme, wanted: number | null): Promise<Row> {
  const source = folderSource(folder);
  const golden = await readGolden(source);
  const model = await loadModel(gpu, await packCheckpoint(source, scheme, basename(folder)));
  try {
    const whole = await compare(model, golden, []);
    const greedy = await compareGreedy(model, golden);
    let splits = 0;
    for (const split of SPLITS) {
      if (split >= golden.inputIds.length) continue;
      const { logits, hidden, states } = await compare(model, golden, [split]);
      splits = Math.max(splits, logits, hidden, states);
    }
    const tolerance = wanted ?? TOLERANCES[model.architecture.family] ?? TOLERANCE;
    const worst = Math.max(whole.logits, whole.hidden, whole.states, splits);
    return {
      case: basename(folder),
      ...whole,
      splits,
      greedy: `${greedy.equal}/${greedy.decided}`,
      tolerance,
      pass: worst <= tolerance && greedy.equal === greedy.decided,
    };
  } finally {
    model.dispose();
  }
}

/** Runs the prompt, cut at `cuts`, from an empty state, and compares everything that the golden has. */
async function compare(model: Model, golden: Golden, cuts: number[]) {
  const { vocabSize, hiddenSize } = model.architecture;
  model.state.reset();
  const length = golden.inputIds.length;
  const bounds = [0, ...cuts, length];
  const logits = new Float32Array(length * vocabSize);
  const hidden = Array.from(
    { length: model.architecture.blocks.length + 2 },
    () => new Float32Array(length * hiddenSize),
  );
  for (let piece = 0; piece + 1 < bounds.length; piece++) {
    const begin = bounds[piece]!;
    const result = await forward(model, golden.inputIds.slice(begin, bounds[piece + 1]), { hidden: true });
    logits.set(result.logits, begin * vocabSize);
    for (const [index, values] of result.hidden.entries()) hidden[index]!.set(values, begin * hiddenSize);
  }
  const rows = (all: Float32Array, width: number) =>
    golden.logitPositions.map((position) => all.subarray(position * width, (position + 1) * width));
  return {
    logits: relativeError(concat(rows(logits, vocabSize)), golden.logits),
    hidden: Math.max(
      ...golden.hidden.map((expected, index) =>
        relativeError(concat(rows(hidden[goldenStage(model.architecture, index)]!, hiddenSize)), expected),
      ),
    ),
    states: await compareStates(model, golden),
  };
}

async function compareStates(model: Model, golden: Golden): Promise<number> {
  let worst = 0;
  for (const [index, expected] of golden.states) {
    const state = await readState(model, index);
    const { kvHeads, headDim } = model.architecture.attention ?? { kvHeads: 0, headDim: 0 };
    if (expected.ssm && state['ssm']) worst = Math.max(worst, relativeError(state['ssm'], expected.ssm));
    if (expected.conv && state['conv']) {
      worst = Math.max(worst, relativeError(lastColumns(state['conv'], model.state.position), conv3(expected.conv)));
    }
    const last = (model.state.position - 1) * kvHeads * headDim;
    if (expected.keyLast) worst = Math.max(worst, relativeError(state['keys']!.subarray(last), expected.keyLast));
    if (expected.valueLast) worst = Math.max(worst, relativeError(state['values']!.subarray(last), expected.valueLast));
  }
  return worst;
}

/** Of our ring (4, CD), the raw inputs of the last three positions, channel by channel: (CD, 3). */
function lastColumns(ring: Float32Array, position: number): Float32Array {
  const channels = ring.length / 4;
  return Float32Array.from({ length: channels * 3 }, (_, index) => {
    const column = (position + 1 + (index % 3)) % 4; // position - 3 + (index % 3), modulo 4
    return ring[column * channels + Math.floor(index / 3)]!;
  });
}

/** Of the golden's (CD, 4), the last three columns. */
function conv3(columns: Float32Array): Float32Array {
  return columns.filter((_, index) => index % 4 !== 0);
}

/**
 * Greedy continuation as the engine makes it, by decode steps that run ahead. Where it leaves the reference, it goes on
 * from the reference's tokens, so that one tie does not spoil the rest.
 */
async function compareGreedy(model: Model, golden: Golden): Promise<{ equal: number; decided: number }> {
  const { greedy, greedyMargin, inputIds } = golden;
  const decided = greedy.map((_, index) => (greedyMargin[index] ?? Infinity) >= MARGIN);
  let equal = 0;
  for (let index = 0; index < greedy.length;) {
    model.state.reset();
    const promptIds = [...inputIds, ...greedy.slice(0, index)];
    await model.prefill(promptIds, { logits: true });
    const answer: number[] = [];
    const settings = { values: GREEDY, limit: greedy.length - index, stopIds: [], promptIds };
    for await (const { ids } of generateIds(model, settings)) answer.push(...ids);
    for (const id of answer) {
      const agrees = id === greedy[index];
      if (agrees && decided[index]) equal++;
      index++;
      if (!agrees) break;
    }
  }
  return { equal, decided: decided.filter(Boolean).length };
}

function concat(rows: Float32Array[]): Float32Array {
  const all = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}

/** Largest difference over the reference's largest magnitude; infinite where lengths differ or a value is no number. */
function relativeError(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Infinity;
  let error = 0;
  let largest = 0;
  for (const [index, value] of expected.entries()) {
    const difference = Math.abs(actual[index]! - value);
    if (!(difference <= error)) error = Number.isNaN(difference) ? Infinity : difference;
    largest = Math.max(largest, Math.abs(value));
  }
  return error / largest;
}

function formatRow(row: Row): string {
  const figures = (['logits', 'hidden', 'states', 'splits'] as const).map(
    (name) => `${name} ${row[name].toExponential(1)}`,
  );
  return `${row.pass ? 'pass' : 'FAIL'}  ${row.case.padEnd(24)} ${figures.join('  ')}  greedy ${row.greedy}`;
}
