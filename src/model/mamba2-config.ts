import { BambaError } from '../errors.ts';
import type { Mamba2Shape } from './architecture.ts';
import type { ConfigReader } from './config-reader.ts';

/**
 * Makes sure that fields, where they are given, have the one value that is implemented.
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

/** Limits of dt after softplus: `time_step_limit`, never `time_step_min`, which is a matter of training. */
export function readDtLimit(config: ConfigReader): Mamba2Shape['dtLimit'] {
  const limit = config.list('time_step_limit');
  if (limit === undefined) return { lo: 0, hi: null };
  const [lo, hi] = limit;
  const sound = limit.length === 2 && typeof lo === 'number' && typeof hi === 'number' && lo >= 0 && lo < hi;
  if (!sound) throw config.invalid('time_step_limit', 'has to be two numbers, 0 or more and ascending');
  return { lo, hi: hi === Infinity ? null : hi };
}
