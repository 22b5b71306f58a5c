import { basename } from 'node:path';
import { loadModel } from '../../engine/loading/load.ts';
import { packCheckpoint } from '../../engine/loading/pack-checkpoint.ts';
import { BambaError } from '../../errors.ts';
import type { Gpu } from '../../gpu/device.ts';
import { parseArchitecture } from '../../architecture/config.ts';
import type { CacheType } from '../../kernels/attention/kv-cache.ts';
import { checkArchitecture } from '../../model/dims.ts';
import type { Model } from '../../model/model.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import type { ByteSource } from '../../weights/byte-source.ts';
import type { Scheme } from '../../weights/types.ts';
import { folderSource } from '../../tools/models/folder.ts';
import { type Golden, readGolden } from '../../tools/models/golden.ts';
import { readPackageModel } from '../../tools/models/package-model.ts';
import { type Expectation, fromGolden, fromReference } from './expectation.ts';
import { compareGreedy, type GreedyCount } from './greedy.ts';
import { allWays, atPositions, runWay, stepsOf, type Way, type Ways } from './passes.ts';
import { channelCount, difference, type Tensors } from './tensors.ts';

/** Errors of the groups of tensors; null where there is nothing to compare with. */
interface Errors {
  logits: number;
  hidden: number | null;
  states: number | null;
}

/** The judged errors relative to each channel. */
interface ChannelErrors {
  /** Largest error over the channel's own scale. */
  worst: number;
  /** Channels that it was looked for in, of all. */
  judged: number;
  channels: number;
}

/** The findings for a folder in one scheme. Every error is relative to the tensor's largest magnitude. */
export interface Result extends Errors {
  /** Worst of all ways in two chunks; null where the prompt is too short for any. */
  splits: number | null;
  splitsMade: number;
  /** Worst of all ways with steps. */
  decode: number;
  steps: number;
  /** Null where the model is too large for the reference. */
  channels: ChannelErrors | null;
  /** Null where the golden has no continuation. */
  greedy: GreedyCount | null;
  positions: number;
  statesCompared: number;
  /** Bounds of the errors relative to the largest, and to each channel. */
  tolerance: number;
  channelTolerance: number;
  /** Positions of the config that were gone beyond; null where they sufficed. */
  beyond: number | null;
  pass: boolean;
}

export interface VerifyOptions {
  schemes: readonly Scheme[];
  /** Instead of the family's. */
  tolerance: number | null;
  /** The type of keys and values. */
  kvCacheType?: CacheType;
  /** By the length of the prompt; by default all. */
  ways?: (tokens: number) => Ways;
}

/** A row of the table: what was found, or why nothing could be. */
export type Row = { case: string; dtype: Scheme } & ({ result: Result } | { fault: string });

/** Largest error that passes, of the largest magnitude, by family. Falcon-H1's reference rounds more. */
const TOLERANCES: Readonly<Record<string, number>> = { falcon_h1: 1e-3 };
const TOLERANCE = 2e-4;
export const CHANNEL_TOLERANCE = 2e-4;
/**
 * The bounds of both where keys and values are rounded: some four times the loss of a tiny model. It loses 3.8e-4 and 2.7e-3
 * in f16, 7.8e-3 and 0.11 in int8.
 */
export const CACHE_TOLERANCES: Readonly<Record<Exclude<CacheType, 'f32'>, { ofLargest: number; ofChannels: number }>> =
  { f16: { ofLargest: 2e-3, ofChannels: 1e-2 }, int8: { ofLargest: 3e-2, ofChannels: 0.4 } };
/** A golden is as exact as that bound asks for where it is this much nearer to the reference in f64. */
const EXACT_SHARE = 1 / 4;
/** Most parameters of a model that the reference computes: f64 on the CPU takes eight bytes and some time for each. */
const MOST_PARAMETERS = 2 ** 25;

/** By the name of a tensor, whether each of its channels is exact in the golden. */
type ExactChannels = ReadonlyMap<string, readonly boolean[]>;

/** The parts of a folder that every scheme needs. */
interface Shared {
  golden: Golden;
  /** In f32. */
  source: PackageSource;
  /** Null where the model is too large for the reference. */
  exact: ExactChannels | null;
  reference: Expectation | null;
}

/** Verifies a folder in each scheme. A fault is a row, and leaves the others alone. */
export function verifyFolder(gpu: Gpu, folder: string, options: VerifyOptions): AsyncGenerator<Row> {
  return verifyFiles(gpu, basename(folder), folderSource(folder), options);
}

/** The same of the files of a folder, wherever they are. */
export async function* verifyFiles(
  gpu: Gpu,
  name: string,
  files: ByteSource,
  options: VerifyOptions,
): AsyncGenerator<Row> {
  let shared: Promise<Shared> | null = null;
  for (const dtype of options.schemes) {
    try {
      shared ??= readShared(files, name);
      yield { case: name, dtype, result: await verifyScheme(gpu, files, await shared, dtype, options) };
    } catch (error) {
      yield { case: name, dtype, fault: error instanceof Error ? error.message : String(error) };
    }
  }
}

async function readShared(files: ByteSource, name: string): Promise<Shared> {
  const golden = await readGolden(files);
  const source = await packCheckpoint(files, 'f32', name);
  const architecture = parseArchitecture(source.manifest.architecture);
  checkArchitecture(architecture);
  const theirs = fromGolden(golden, architecture);
  const reference = await referenceOf(source, golden);
  return { golden, source, exact: reference && exactChannels(theirs, reference), reference };
}

/** The reference's results with the weights of a package; null where there are too many. */
async function referenceOf(source: PackageSource, { inputIds, greedy }: Golden): Promise<Expectation | null> {
  if (source.manifest.parameters > MOST_PARAMETERS) return null;
  const { architecture, tensors } = await readPackageModel(source);
  return fromReference(architecture, tensors, inputIds, greedy?.length ?? 0);
}

/** Channels of a golden that are near enough to the reference in f64 to be held to the bound of channels. */
function exactChannels(golden: Expectation, reference: Expectation): ExactChannels {
  const ours = atPositions(reference.tensors, golden.positions);
  return new Map(
    [...golden.tensors].map(([name, tensor]) => {
      const { ofChannels } = difference(ours.get(name)!, tensor);
      return [name, Array.from(ofChannels, (error) => error <= CHANNEL_TOLERANCE * EXACT_SHARE)];
    }),
  );
}

async function verifyScheme(
  gpu: Gpu,
  files: ByteSource,
  shared: Shared,
  scheme: Scheme,
  options: VerifyOptions,
): Promise<Result> {
  const { golden, exact } = shared;
  const isPlain = scheme === 'f32';
  const source = isPlain ? shared.source : await packCheckpoint(files, scheme, shared.source.manifest.name);
  const reference = isPlain ? shared.reference : await referenceOf(source, golden);
  if (!isPlain && !reference) {
    throw new BambaError(
      'unsupported_model',
      `In ${scheme} a model is held to our reference, which takes up to ${MOST_PARAMETERS} parameters, and this one has ` +
        `${source.manifest.parameters}. Verify it in f32; what ${scheme} costs, npm run report measures.`,
    );
  }
  const { maxPositions } = parseArchitecture(source.manifest.architecture);
  const needed = golden.inputIds.length + (golden.greedy?.length ?? 0);
  const { kvCacheType = 'f32' } = options;
  const context = needed > maxPositions ? { contextLength: needed } : {};
  const model = await loadModel(gpu, source, { ...context, kvCacheType });
  try {
    // A golden has the checkpoint's own weights. In another scheme they are rounded, and only we know what to.
    const theirs = isPlain ? fromGolden(golden, model.architecture) : reference!;
    const found = await compareAll(
      model,
      golden.inputIds,
      { theirs, reference, exact },
      (options.ways ?? allWays)(golden.inputIds.length),
    );
    const rounded = kvCacheType === 'f32' ? null : CACHE_TOLERANCES[kvCacheType];
    const channelTolerance = rounded?.ofChannels ?? CHANNEL_TOLERANCE;
    const tolerance = options.tolerance ?? rounded?.ofLargest ?? TOLERANCES[model.architecture.family] ?? TOLERANCE;
    const { logits, hidden, states, splits, decode, channels, greedy } = found;
    const errors = [logits, hidden, states, splits, decode].map((error) => error ?? 0);
    return {
      ...found,
      tolerance,
      channelTolerance,
      beyond: needed > maxPositions ? maxPositions : null,
      pass:
        Math.max(...errors) <= tolerance &&
        (channels?.worst ?? 0) <= channelTolerance &&
        (greedy === null || greedy.equal === greedy.decided),
    };
  } finally {
    model.dispose();
  }
}

/** Runs a prompt on all ways, and its greedy continuation. */
async function compareAll(
  model: Model,
  ids: readonly number[],
  { theirs, reference, exact }: { theirs: Expectation; reference: Expectation | null; exact: ExactChannels | null },
  ways: Ways,
): Promise<Omit<Result, 'tolerance' | 'channelTolerance' | 'beyond' | 'pass'>> {
  let worstChannel = 0;
  const run = async (way: Way, expectations: readonly (Expectation | null)[]): Promise<Errors[]> => {
    const found = await runWay(model, ids, way);
    return expectations
      .filter((one) => one !== null)
      .map((one) => {
        const { worst, ...errors } = compare(found, one, exact);
        worstChannel = Math.max(worstChannel, worst);
        return errors;
      });
  };
  const [whole] = await run([{ by: 'chunk', tokens: ids.length }], [theirs]);
  const splits: Errors[] = [];
  for (const way of ways.splits) splits.push(...(await run(way, [theirs])));
  // The golden has some positions, the reference all.
  const decode: Errors[] = [];
  for (const way of ways.steps) decode.push(...(await run(way, theirs === reference ? [theirs] : [theirs, reference])));
  const greedy = theirs.greedy && (await compareGreedy(model, ids, theirs.greedy));
  return {
    ...whole!,
    splits: splits.length > 0 ? worstOf(splits) : null,
    splitsMade: splits.length,
    decode: worstOf(decode),
    steps: ways.steps.reduce((sum, way) => sum + stepsOf(way), 0),
    channels: exact && { worst: worstChannel, ...countChannels(theirs, exact) },
    greedy,
    positions: theirs.positions.length,
    statesCompared: [...theirs.tensors.keys()].filter((name) => name.startsWith('state.')).length,
  };
}

/** Compares what was computed with everything that an expectation has. */
function compare(
  found: Tensors,
  { positions, tensors }: Expectation,
  exact: ExactChannels | null,
): Errors & { worst: number } {
  const rows = atPositions(found, positions);
  const errors: Errors = { logits: 0, hidden: null, states: null };
  const groups = { logits: 'logits', hidden: 'hidden', state: 'states' } as const;
  let worst = 0;
  for (const [name, expected] of tensors) {
    const actual = rows.get(name);
    if (!actual) throw new Error(`The model gives no ${name}.`);
    const { ofLargest, ofChannels } = difference(actual, expected);
    const group = groups[name.split('.')[0] as keyof typeof groups];
    errors[group] = Math.max(errors[group] ?? 0, ofLargest);
    const judged = exact?.get(name);
    for (const [channel, error] of ofChannels.entries()) if (judged?.[channel]) worst = Math.max(worst, error);
  }
  return { ...errors, worst };
}

function worstOf(all: readonly Errors[]): number {
  return Math.max(...all.flatMap(({ logits, hidden, states }) => [logits, hidden ?? 0, states ?? 0]));
}

function countChannels({ tensors }: Expectation, exact: ExactChannels): { judged: number; channels: number } {
  let [judged, channels] = [0, 0];
  for (const [name, tensor] of tensors) {
    channels += channelCount(tensor);
    judged += exact.get(name)?.filter(Boolean).length ?? 0;
  }
  return { judged, channels };
}
