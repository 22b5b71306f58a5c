import { expect, it } from 'vitest';
import { BambaError } from '../../errors.ts';
import { FAMILY_CONFIGS } from '../../testing/checkpoints/family-configs.ts';
import { ggufFamily, metadataOf } from '../../testing/checkpoints/gguf/families.ts';
import { ggufOfCheckpoint, modelOf } from '../../testing/checkpoints/gguf-of-checkpoint.ts';
import { randomCheckpoint } from '../../testing/checkpoints/random-checkpoint.ts';
import { AllocationMeter, MOST_ALLOCATED } from '../../testing/test-mutations.ts';
import { memorySource } from '../../weights/byte-source.ts';
import { Checkpoint } from '../../weights/checkpoint.ts';
import { type GgufTensor, readGgufHeader } from '../../weights/gguf/header.ts';
import { GgufMetadata, type GgufValue } from '../../weights/gguf/metadata.ts';
import { resolveSources } from '../../weights/tensor-sources.ts';
import { parseConfig } from '../config.ts';
import { ggufModel } from './architectures.ts';
import { GgufFacts } from './facts.ts';
import { checkpointTensors } from './names.ts';

// What nobody vouches for: each number of a file's metadata, and each shape, is damaged in turn.

const HOSTILE: readonly (GgufValue | undefined)[] = [
  undefined,
  0,
  3,
  2 ** 24,
  2n ** 63n,
  -1,
  0.5,
  NaN,
  'x',
  true,
  [1, 0],
];
const SHAPES: readonly number[][] = [[], [1], [2 ** 24, 1, 1], [1, 1, 2 ** 24], [3, 5]];

/** One of each family, and of each architecture that files of a family can be of. */
const FILES = new Map(
  Object.values(FAMILY_CONFIGS).flatMap((config) => {
    const family = ggufFamily(config);
    return family ? [[`${String(config['model_type'])} as ${family.architecture}`, { config, family }] as const] : [];
  }),
);

/** Goes through all that is done with a file before its weights are read. */
async function open(values: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): Promise<void> {
  const facts = new GgufFacts(new GgufMetadata('x.gguf', values), tensors);
  const { config, names } = ggufModel(facts);
  const infos = checkpointTensors('x.gguf', tensors, names);
  const { tensors: specs } = parseConfig(new TextEncoder().encode(JSON.stringify(config)));
  const source = { size: async () => null, read: async () => new Uint8Array(), tensors: async () => infos };
  resolveSources(await Checkpoint.open(source), specs);
}

it.each([...FILES])(
  'refuses damaged numbers and shapes in one of its ways, quickly: %s',
  async (_, { config, family }) => {
    const files = randomCheckpoint({ ...config, ...family.held });
    const x = await ggufOfCheckpoint(files);
    const { tensors } = await readGgufHeader(memorySource({ 'x.gguf': x }), 'x.gguf');
    const entries = metadataOf(family, modelOf(files));
    const values = new Map(Object.entries(entries).map(([key, entry]) => [key, Object.values(entry)[0] as GgufValue]));
    await expect(open(values, tensors)).resolves.toBeUndefined();
    const meter = new AllocationMeter();
    let refused = 0;
    const attempt = (damaged: ReadonlyMap<string, GgufValue>, others: readonly GgufTensor[]) =>
      meter.measure(async () => {
        try {
          await open(damaged, others);
        } catch (error) {
          if (!(error instanceof BambaError)) throw error;
          refused++;
        }
      });
    for (const key of values.keys()) {
      for (const value of HOSTILE) {
        const damaged = new Map(values);
        if (value === undefined) damaged.delete(key);
        else damaged.set(key, value);
        await attempt(damaged, tensors);
      }
    }
    const kinds = new Map(tensors.map((tensor) => [tensor.name.replace(/^blk\.\d+/, ''), tensor]));
    for (const tensor of kinds.values()) {
      for (const dims of SHAPES) {
        await attempt(
          values,
          tensors.map((one) => (one === tensor ? { ...one, dims } : one)),
        );
      }
      await attempt(
        values,
        tensors.filter((one) => one !== tensor),
      );
    }
    expect(refused).toBeGreaterThan(values.size + kinds.size);
    expect(meter.most).toBeLessThan(MOST_ALLOCATED);
  },
);
