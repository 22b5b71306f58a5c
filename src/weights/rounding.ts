import type { Checkpoint } from './checkpoint.ts';
import { isRounded, OF_16_LEVELS } from './encodings.ts';
import type { Scheme } from './types.ts';

/**
 * A sentence for people on the weights that a checkpoint has in blocks with scales: how a package of this scheme
 * changes them. It is null where there are none, or where the package holds all of them as they are.
 */
export function roundingNotice(name: string, checkpoint: Checkpoint, scheme: Scheme): string | null {
  if (scheme === 'f32') return null;
  const found = new Set<string>();
  for (const { dtype, parts } of checkpoint.tensors.values()) {
    for (const stored of parts?.map(({ tensor }) => tensor.dtype) ?? [dtype]) if (isRounded(stored)) found.add(stored);
  }
  if (checkpoint.isPacked) found.add('packed integers');
  if (found.size === 0) return null;
  const types = [...found].toSorted().join(', ');
  const levels = [...found]
    .filter((dtype) => OF_16_LEVELS.has(dtype))
    .toSorted()
    .join(', ');
  const kept =
    scheme === 'int4' && levels !== '' ? ` (of ${levels} the levels stay, and their scales are rounded)` : '';
  const more = scheme === 'f16' ? 'f32 keeps them exactly' : 'f16 keeps them nearly, f32 exactly';
  return `The weights of ${name} are ${types} in its file and are rounded once more to ${scheme}${kept}; ${more}.`;
}
