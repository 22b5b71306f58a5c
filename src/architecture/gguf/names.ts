import type { GgufTensor } from '../../weights/gguf/header.ts';
import type { RotaryRows, TensorInfo } from '../../weights/types.ts';

// From names of tensors in GGUF files to those of checkpoints, with what else differs: shapes, the order of rows, values.

/** What becomes of a tensor. */
export interface NameRule {
  /** Name in the checkpoint; `.weight` or `.bias` is added where the rule's own name leaves it out. */
  to: string;
  /** `flat`: one dimension. `conv`: (channels, 1, width). Left out, the dimensions in reverse. */
  shape?: 'flat' | 'conv';
  rotary?: RotaryRows;
  map?: NonNullable<TensorInfo['map']>;
}

/** A tensor made of rows of several: those of `gate`, then those of `up`; of stacked ones expert by expert. */
interface JoinedRule {
  gate: string;
  up: string;
  to: string;
}

/** How an architecture names its tensors. */
export interface GgufNames {
  /** Of the whole model, by full name. */
  model: Readonly<Record<string, string>>;
  /** Name of a block's module in the checkpoint, without its number: `model.layers`. */
  layers: string;
  /** Of a block, by name without `blk.N.`, with or without `.weight` and `.bias`. */
  block: Readonly<Record<string, string | NameRule>>;
  joined?: readonly JoinedRule[];
}

/** Tensors of a file under the names and shapes of a checkpoint. Those that no rule knows are left out. */
export function checkpointTensors(file: string, tensors: readonly GgufTensor[], names: GgufNames): TensorInfo[] {
  const plain = tensors.flatMap((tensor) => {
    const found = ruleOf(tensor.name, names);
    return found ? [described(file, tensor, found)] : [];
  });
  return [...plain, ...joinedTensors(file, tensors, names)];
}

const BLOCK_NAME = /^blk\.(\d+)\.(.+)$/;

function ruleOf(name: string, names: GgufNames): NameRule | null {
  const whole = own(names.model, name);
  if (whole !== undefined) return { to: whole };
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

function described(file: string, { dtype, dims, begin, end }: GgufTensor, rule: NameRule): TensorInfo {
  const [columns = 1, rows = 1] = dims;
  const isWeight = rule.to.endsWith('.weight');
  const shape =
    rule.shape === 'flat'
      ? [dims.reduce((product, size) => product * size, 1)]
      : rule.shape === 'conv' && isWeight
        ? [rows, 1, columns]
        : dims.toReversed();
  const { to, rotary, map } = rule;
  return { name: to, file, dtype, shape, begin, end, ...(rotary && { rotary }), ...(map && { map }) };
}

function joinedTensors(file: string, tensors: readonly GgufTensor[], names: GgufNames): TensorInfo[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const joined: TensorInfo[] = [];
  for (const { gate, up, to } of names.joined ?? []) {
    for (const { name } of tensors) {
      const [, block, rest] = BLOCK_NAME.exec(name) ?? [];
      const other = rest === gate ? byName.get(`blk.${block}.${up}`) : undefined;
      const first = byName.get(name);
      if (!first || !other || String(first.dims) !== String(other.dims)) continue;
      joined.push(
        join(
          `${names.layers}.${Number(block)}.${to}`,
          described(file, first, { to: name }),
          described(file, other, { to: other.name }),
        ),
      );
    }
  }
  return joined;
}

/** Rows of both, half by half; of three dimensions for each of the first. */
function join(name: string, gate: TensorInfo, up: TensorInfo): TensorInfo {
  const [experts, rows, columns] = gate.shape.length === 3 ? gate.shape : [1, ...gate.shape];
  const height = rows as number;
  const parts = Array.from({ length: experts as number }, (_, expert) => {
    const range = [expert * height, (expert + 1) * height] as const;
    return [
      { tensor: gate, rows: range },
      { tensor: up, rows: range },
    ];
  }).flat();
  const bytes = gate.end - gate.begin + up.end - up.begin;
  const shape = [...(gate.shape.length === 3 ? [experts as number] : []), 2 * height, columns as number];
  return { name, file: gate.file, dtype: gate.dtype, shape, begin: 0, end: bytes, parts };
}
