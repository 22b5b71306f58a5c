import { BambaError } from '../../errors.ts';
import type { GgufTensor } from '../../weights/gguf/header.ts';
import type { ColumnBlocks, RotaryRows, TensorInfo } from '../../weights/types.ts';

// From names of tensors in GGUF files to those of checkpoints, with what else differs: shapes, the order of rows and
// columns, values.

/** No mixture has as many. */
export const MOST_EXPERTS = 4096;

/** Rows [begin, end) of a stored tensor. */
export type RowRange = readonly [begin: number, end: number];

/** How a tensor is renamed and changed. */
export interface NameRule {
  /**
   * Name in the checkpoint; `.weight` or `.bias` is added where the rule's own name leaves it out. A star stands for the
   * number of an expert: the tensor is then as many as its first dimension says.
   */
  to: string;
  /** `flat`: one dimension. `conv`: (channels, 1, width). `row`: (1, columns). Left out, the dimensions in reverse. */
  shape?: 'flat' | 'conv' | 'row';
  rotary?: RotaryRows;
  map?: NonNullable<TensorInfo['map']>;
  /** Stored rows in the order of the checkpoint; they have to be all of them. */
  rows?: readonly RowRange[];
  columns?: ColumnBlocks;
}

/** A tensor made of rows of several, one part after the other. */
interface JoinedRule {
  to: string;
  parts: readonly { from: string; rows: RowRange }[];
  /** The first dimension of three, where the tensor has them. */
  experts?: number;
}

/** How an architecture names its tensors. */
export interface GgufNames {
  /** Tensors of the whole model, by full name. */
  model: Readonly<Record<string, string | NameRule>>;
  /** Name of a block's module in the checkpoint, without its number: `model.layers`. */
  layers: string;
  /** Tensors of a block, by name without `blk.N.`, with or without `.weight` and `.bias`. */
  block: Readonly<Record<string, string | NameRule>>;
  joined?: readonly JoinedRule[];
}

/**
 * Tensors of a file under the names and shapes of a checkpoint. Those that no rule knows are left out.
 * @throws BambaError `checkpoint_invalid` for a tensor with other rows than the metadata gives it.
 */
export function checkpointTensors(file: string, tensors: readonly GgufTensor[], names: GgufNames): TensorInfo[] {
  const plain = tensors.flatMap((tensor) => {
    const found = ruleOf(tensor.name, names);
    return found ? described(file, tensor, found) : [];
  });
  return [...plain, ...joinedTensors(file, tensors, names)];
}

const BLOCK_NAME = /^blk\.(\d+)\.(.+)$/;

function ruleOf(name: string, names: GgufNames): NameRule | null {
  const whole = own(names.model, name);
  if (whole !== undefined) return typeof whole === 'string' ? { to: whole } : whole;
  const [, block, rest = ''] = BLOCK_NAME.exec(name) ?? [];
  if (block === undefined) return null;
  const at = (rule: string | NameRule, suffix: string): NameRule => {
    const { to, ...others } = typeof rule === 'string' ? { to: rule } : rule;
    return { to: `${names.layers}.${Number(block)}.${to}${suffix}`, ...others };
  };
  const exact = own(names.block, rest);
  if (exact !== undefined) return at(exact, '');
  const [, base = '', suffix = ''] = /^(.+)(\.weight|\.bias)$/.exec(rest) ?? [];
  const rule = own(names.block, base);
  return rule === undefined ? null : at(rule, suffix);
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function described(file: string, tensor: GgufTensor, rule: NameRule): TensorInfo[] {
  const { dtype, begin, end } = tensor;
  const { to: name, rotary, map, rows, columns } = rule;
  const info: TensorInfo = {
    name,
    file,
    dtype,
    shape: shapeOf(tensor, rule),
    begin,
    end,
    ...(rotary && { rotary }),
    ...(map && { map }),
    ...(columns && { columns }),
  };
  if (name.includes('*')) return eachExpert(info);
  if (!rows) return [info];
  requireRows(tensor, file, rows);
  const parts = rows.map((range) => ({ tensor: info, rows: range }));
  return [{ name, file, dtype, shape: info.shape, begin: 0, end: end - begin, parts }];
}

function shapeOf({ dims }: GgufTensor, { to, shape }: NameRule): number[] {
  const [columns = 1, rows = 1] = dims;
  const isWeight = to.endsWith('.weight');
  if (shape === 'flat' || (shape === 'row' && isWeight)) {
    const count = dims.reduce((product, size) => product * size, 1);
    return shape === 'row' ? [1, count] : [count];
  }
  return shape === 'conv' && isWeight ? [rows, 1, columns] : dims.toReversed();
}

/** A tensor for each of the first of three dimensions. */
function eachExpert(info: TensorInfo): TensorInfo[] {
  const [experts = 1, ...shape] = info.shape;
  const bytes = (info.end - info.begin) / experts;
  // A tensor of another shape stays one tensor, which has no expert's name and is missed.
  if (info.shape.length !== 3 || experts > MOST_EXPERTS || !Number.isSafeInteger(bytes)) return [info];
  return Array.from({ length: experts }, (_, expert) => {
    const begin = info.begin + expert * bytes;
    return { ...info, name: info.name.replace('*', String(expert)), shape, begin, end: begin + bytes };
  });
}

function joinedTensors(file: string, tensors: readonly GgufTensor[], names: GgufNames): TensorInfo[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const joined: TensorInfo[] = [];
  for (const { to, parts, experts } of names.joined ?? []) {
    for (const { name } of tensors) {
      const [, block, rest] = BLOCK_NAME.exec(name) ?? [];
      if (rest !== parts[0]?.from) continue;
      const found = parts.map(({ from }) => byName.get(`blk.${block}.${from}`));
      if (!found.every((tensor) => tensor !== undefined)) continue;
      for (const tensor of new Set(found)) {
        const taken = parts.filter((_, index) => found[index] === tensor);
        requireRows(
          tensor,
          file,
          taken.map(({ rows }) => rows),
        );
      }
      joined.push(joinedTensor(`${names.layers}.${Number(block)}.${to}`, file, found, parts, experts));
    }
  }
  return joined;
}

function joinedTensor(
  name: string,
  file: string,
  found: readonly GgufTensor[],
  ranges: readonly { rows: RowRange }[],
  experts: number | undefined,
): TensorInfo {
  // One for each stored tensor, however many parts are of it.
  const stored = new Map(
    [...new Set(found)].map((tensor) => [tensor, described(file, tensor, { to: tensor.name })[0]!]),
  );
  const parts = found.map((tensor, index) => ({ tensor: stored.get(tensor)!, rows: ranges[index]!.rows }));
  const height = ranges.reduce((sum, { rows }) => sum + rows[1] - rows[0], 0);
  const bytes = [...stored.keys()].reduce((sum, { begin, end }) => sum + end - begin, 0);
  const columns = found[0]!.dims[0]!;
  const shape = experts === undefined ? [height, columns] : [experts, height / experts, columns];
  return { name, file, dtype: found[0]!.dtype, shape, begin: 0, end: bytes, parts };
}

/** Makes sure that ranges are all rows of a tensor. */
function requireRows({ name, dims }: GgufTensor, file: string, ranges: readonly RowRange[]): void {
  const stored = dims.length > 1 ? dims.slice(1).reduce((product, size) => product * size, 1) : dims[0];
  const taken = ranges.reduce((sum, [begin, end]) => sum + end - begin, 0);
  const last = ranges.reduce((most, [, end]) => Math.max(most, end), 0);
  if (taken === stored && last === stored) return;
  throw new BambaError(
    'checkpoint_invalid',
    `In ${file}, tensor ${name} has ${stored} rows, but by the file's metadata it has ${taken}. Fetch it again.`,
  );
}

/** Rows of gate, then those of up; of stacked ones expert by expert. */
export function halves(gate: string, up: string, width: number, experts = 1): JoinedRule['parts'] {
  return Array.from({ length: experts }, (_, expert) => {
    const rows = [expert * width, (expert + 1) * width] as const;
    return [
      { from: gate, rows },
      { from: up, rows },
    ];
  }).flat();
}
