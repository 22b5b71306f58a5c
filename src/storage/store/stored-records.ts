// The parts of the database's records that lists need, each with its schema. Another version of this library, another page
// of the site or a broken disk may have written them.

import * as v from 'valibot';
import type { Scheme } from '../../weights/types.ts';

const SCHEMES = ['f32', 'f16', 'int8', 'fp8', 'int4'] as const satisfies readonly Scheme[];

const bytes = v.pipe(v.number(), v.finite(), v.minValue(0));
const scheme = v.picklist(SCHEMES);
const entry = v.object({ sha256: v.string(), bytes });

const origin = v.object({
  model: v.string(),
  revision: v.optional(v.string()),
  endpoint: v.optional(v.string()),
  version: v.string(),
  identity: v.string(),
});

/** Where a package was made from, as it is read. */
export type ReadOrigin = v.InferOutput<typeof origin>;

const packageRecord = v.object({
  manifest: v.object({
    name: v.string(),
    scheme,
    source: v.object({ revision: v.optional(v.string()) }),
    files: v.record(v.string(), v.optional(entry)),
    shards: v.array(entry),
  }),
  savedAt: v.number(),
  origin: v.optional(origin),
});

const conversionRecord = v.object({
  name: v.string(),
  scheme,
  commit: v.optional(v.string()),
  origin,
  totalBytes: bytes,
  savedAt: v.number(),
});

/** The listed facts of a package; undefined where its record is damaged. */
export function readPackage(record: unknown): v.InferOutput<typeof packageRecord> | undefined {
  const { success, output } = v.safeParse(packageRecord, record);
  return success ? output : undefined;
}

/** The listed facts of a conversion that was begun; undefined where its record is damaged. */
export function readConversion(record: unknown): v.InferOutput<typeof conversionRecord> | undefined {
  const { success, output } = v.safeParse(conversionRecord, record);
  return success ? output : undefined;
}
