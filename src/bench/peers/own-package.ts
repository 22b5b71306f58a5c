import type { Architecture } from '../../architecture/architecture.ts';
import { packageTensors } from '../../architecture/config.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { rowBytes, scaleBytesPerRow } from '../../weights/layout.ts';
import { type Manifest, MANIFEST_FORMAT, MANIFEST_VERSION, SHARD_BYTES } from '../../weights/manifest.ts';
import { planTensors, streamBytes } from '../../weights/package-writer.ts';
import type { Scheme, TensorEntry } from '../../weights/types.ts';
import {
  type Bits,
  BLOCK,
  codePool,
  fillCyclic,
  type PeerScheme,
  plainTensor,
  type RandomMatrix,
} from './random-model.ts';

/** The random model as a package of ours in memory. */
export function ownPackage(
  architecture: Architecture,
  scheme: PeerScheme,
  matrices: ReadonlyMap<string, RandomMatrix>,
): PackageSource {
  const tensors = planTensors(packageTensors(architecture), scheme);
  const stream = new Uint8Array(streamBytes(tensors));
  for (const entry of tensors) {
    const bytes = stream.subarray(entry.offset, entry.offset + entry.bytes);
    if (isMatrix(entry)) writeMatrix(bytes, entry, sourcesOf(entry.name, matrices));
    else {
      const values = plainTensor(
        entry.name,
        entry.shape.reduce((product, size) => product * size, 1),
      );
      bytes.set(new Uint8Array(values.buffer));
    }
  }
  const shardCount = Math.ceil(stream.length / SHARD_BYTES);
  const shard = (index: number) => stream.subarray(index * SHARD_BYTES, (index + 1) * SHARD_BYTES);
  const manifest: Manifest = {
    format: MANIFEST_FORMAT,
    version: MANIFEST_VERSION,
    name: 'random',
    source: {},
    scheme,
    architecture,
    parameters: 0,
    stream: { bytes: stream.length },
    tensors,
    shards: Array.from({ length: shardCount }, (_, index) => ({
      file: `shard-${index}`,
      bytes: shard(index).length,
      sha256: '',
    })),
    files: {},
  };
  return {
    manifest,
    file: () => Promise.reject(new RangeError('The random model has no text.')),
    shard: async (index) => shard(index),
  };
}

function isMatrix({ scheme }: TensorEntry): boolean {
  return scheme !== 'f32';
}

/** The matrices whose rows a tensor of ours has, and whether they take turns. */
function sourcesOf(name: string, matrices: ReadonlyMap<string, RandomMatrix>): RandomMatrix[][] {
  const [, block = '', , last = name] = /^(blocks\.\d+)\.(.*\.)?(.*)$/.exec(name) ?? [];
  const find = (matrix: string) => {
    const found = matrices.get(block ? `${block}.${matrix}` : matrix);
    if (!found) throw new RangeError(`The random model has no matrix for ${name}.`);
    return found;
  };
  if (last === 'qkv') return [[find('q')], [find('k')], [find('v')]];
  if (last === 'gate_up') return [[find('gate'), find('up')]];
  return [[find(last === 'o_proj' ? 'o' : last)]];
}

/** Rows of the groups one after the other; within a group, rows of its matrices in turn. */
function writeMatrix(bytes: Uint8Array, { scheme, shape }: TensorEntry, groups: RandomMatrix[][]): void {
  const [rows, columns] = shape as [number, number];
  const width = rowBytes(scheme, columns);
  const scaleWidth = scaleBytesPerRow(scheme, columns);
  let row = 0;
  for (const group of groups) {
    for (let index = 0; index < group[0]!.rows; index++) {
      for (const { bits, start, scale } of group) {
        const pool = packedPool(bits);
        fillCyclic(
          bytes.subarray(row * width, row * width + (columns * bits) / 8),
          pool,
          ((start + index * columns) * bits) / 8,
        );
        const scales = bytes.subarray(rows * width + row * scaleWidth, rows * width + (row + 1) * scaleWidth);
        writeScales(scheme, scales, scale, columns);
        row++;
      }
    }
  }
}

/** 5 bits of zero point 8 in halves, a mantissa of 1, an exponent of 1: the row's scale itself. */
const INT4_PLAIN_GROUP = (31 << 11) | 16;

function writeScales(scheme: Scheme, target: Uint8Array, scale: number, columns: number): void {
  const view = new DataView(target.buffer, target.byteOffset);
  view.setFloat32(0, scale, true);
  if (scheme !== 'int4') return;
  for (let group = 0; group < columns / BLOCK; group++) view.setUint16(4 + 2 * group, INT4_PLAIN_GROUP, true);
}

/** The pool's codes as int8 has them, and as int4: code + 8, in 16 bytes a block, code i below code i + 16. */
export function packedPool(bits: Bits): Uint8Array {
  const pool = codePool(bits);
  if (bits === 8) return new Uint8Array(pool.buffer);
  const found = packed.get(pool);
  if (found) return found;
  const bytes = Uint8Array.from({ length: pool.length / 2 }, (_, index) => {
    const first = Math.floor(index / 16) * BLOCK + (index % 16);
    return (pool[first]! + 8) | ((pool[first + 16]! + 8) << 4);
  });
  packed.set(pool, bytes);
  return bytes;
}

const packed = new Map<Int8Array, Uint8Array>();
