import * as v from 'valibot';
import { type MeasuredModel, ratesOf, smallestStep } from '../bench/plan/measured.ts';
import { parseArchitecture } from '../architecture/config.ts';
import { BambaError } from '../errors.ts';
import { CACHE_TYPES } from '../kernels/attention/kv-cache.ts';
import type { Rates } from '../model/cost/seconds.ts';
import { SCHEMES } from '../weights/manifest.ts';
import { parseUntrustedJson } from '../weights/untrusted-json.ts';

const positive = v.pipe(v.number(), v.finite(), v.minValue(Number.MIN_VALUE));
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

const RESULT = v.object({
  ceilings: v.object({ readBytesPerS: positive, f32FlopsPerS: positive, dispatchS: positive }),
  options: v.optional(v.object({ kvCacheType: v.picklist(CACHE_TYPES) }), { kvCacheType: 'f32' }),
  models: v.optional(v.array(v.unknown()), []),
});

const MODEL = v.object({
  architecture: v.unknown(),
  scheme: v.picklist(SCHEMES),
  gpuBytes: v.object({ weights: whole }),
  decode: v.array(v.object({ context: whole, secondsPerToken: positive })),
});

/**
 * Rates of the adapter that a result of the benchmark is of. Models in it that failed do not count.
 * @param what the file's name, for messages
 * @throws BambaError `setting_invalid` for what is no result
 */
export function benchRates(bytes: Uint8Array, what: string): Rates {
  const json = parseUntrustedJson(bytes, {
    what,
    code: 'setting_invalid',
    maxBytes: 64 * 2 ** 20,
    maxDepth: 32,
    maxValues: 1_000_000,
  });
  const { success, output, issues } = v.safeParse(RESULT, json);
  if (!success) {
    const field = v.getDotPath(issues[0]);
    throw new BambaError(
      'setting_invalid',
      `${what} is no result of npm run bench -- --json: ${field ? `${field} is not sound` : 'it is no object'}.`,
    );
  }
  return ratesOf(output.ceilings, smallestStep(output.models.flatMap(readModel), output.options.kvCacheType));
}

function readModel(json: unknown): MeasuredModel[] {
  const { success, output } = v.safeParse(MODEL, json);
  if (!success) return [];
  try {
    return [{ ...output, architecture: parseArchitecture(output.architecture) }];
  } catch (error) {
    // Of another version of bamba-web.
    if (error instanceof BambaError) return [];
    throw error;
  }
}
