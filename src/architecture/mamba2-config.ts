import { BambaError } from '../errors.ts';
import type { Mamba2Shape } from './architecture.ts';
import type { ConfigReader } from './config-reader.ts';

/**
 * Makes sure that fields, where there are any, have the one value that is implemented.
 * @throws BambaError `unsupported_model` with the field.
 */
export function requireFixed(config: ConfigReader, fields: Readonly<Record<string, unknown>>): void {
  for (const [field, wanted] of Object.entries(fields)) {
    const found = config.get(field);
    if (found === undefined || found === wanted) continue;
    throw new BambaError(
      'unsupported_model',
      `config.json has ${field} ${JSON.stringify(found)?.slice(0, 60)}; only ${JSON.stringify(wanted)} is supported.`,
    );
  }
}

/** How a family's configs name the dimensions of their Mamba-2 mixers. */
interface Mamba2Fields {
  heads: string;
  headDim: string;
  stateSize: string;
  groups: string;
  convWidth: string;
}

/** Names that Bamba, Granite 4.0-H and Falcon-H1 share. */
export const MAMBA_FIELDS: Mamba2Fields = {
  heads: 'mamba_n_heads',
  headDim: 'mamba_d_head',
  stateSize: 'mamba_d_state',
  groups: 'mamba_n_groups',
  convWidth: 'mamba_d_conv',
};

/**
 * Dimensions of the Mamba-2 mixers.
 * @param options.inner the inner width, where the config says it apart: heads times their width have to be it.
 * @param options.normGroups groups of the gated norm, of the groups that share B and C.
 * @param options.gateLast whether the gate stands behind the norm.
 * @throws BambaError `config_invalid`, `unsupported_model`.
 */
export function readMamba2(
  config: ConfigReader,
  fields: Mamba2Fields,
  {
    inner,
    normGroups,
    gateLast = false,
  }: { inner?: number | undefined; normGroups: (groups: number) => number | null; gateLast?: boolean },
): Mamba2Shape {
  const heads = config.count(fields.heads);
  const isDerived =
    inner !== undefined && ['auto', undefined].includes(config.get(fields.headDim) as string | undefined);
  const headDim = isDerived ? inner / heads : config.count(fields.headDim);
  if (inner !== undefined && heads * headDim !== inner) {
    throw config.invalid(fields.headDim, `times ${fields.heads} (${heads}) has to be the inner width ${inner}`);
  }
  if (!Number.isInteger(headDim)) throw config.invalid(fields.heads, `has to divide the inner width ${inner}`);
  const groups = config.count(fields.groups);
  if (heads % groups !== 0) throw config.invalid(fields.groups, `has to divide ${fields.heads} (${heads})`);
  requireFixed(config, { [fields.convWidth]: 4 });
  return {
    heads,
    headDim,
    stateSize: config.count(fields.stateSize),
    groups,
    convWidth: 4,
    normGroups: normGroups(groups),
    ...(gateLast && { gateLast }),
    dtLimit: readDtLimit(config),
  };
}

/** Inner width as a multiple of the model's width. */
export function expandedWidth(config: ConfigReader, field: string, hiddenSize: number): number {
  return config.number(field, { above: 0, most: 64 }) * hiddenSize;
}

/** Limits of dt after softplus: `time_step_limit`, never `time_step_min`, which is a matter of training. */
function readDtLimit(config: ConfigReader): Mamba2Shape['dtLimit'] {
  const limit = config.list('time_step_limit');
  if (limit === undefined) return { lo: 0, hi: null };
  const [lo, hi] = limit;
  const sound = limit.length === 2 && typeof lo === 'number' && typeof hi === 'number' && lo >= 0 && lo < hi;
  if (!sound) throw config.invalid('time_step_limit', 'has to be two numbers, 0 or more and ascending');
  return { lo, hi: hi === Infinity ? null : hi };
}
