import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Gpu, OPTIONAL_FEATURES } from '../gpu/device.ts';
import { CACHE_TYPES } from '../kernels/attention/kv-cache.ts';
import { SCHEMES } from '../weights/manifest.ts';
import { installDawn } from '../tools/machine/dawn.ts';
import { count, formatRow, heading, jsonRow, SAMPLED, summary } from './verify/table.ts';
import { CACHE_TOLERANCES, CHANNEL_TOLERANCE, type Row, verifyFolder } from './verify/verify-folder.ts';

const USAGE = `Usage: npm run verify -- FOLDER... [--json] [--dtype ${SCHEMES.join('|')}|all] [--tolerance N]
                         [--cache ${CACHE_TYPES.join('|')}] [--without ${OPTIONAL_FEATURES.join(',')}] [--default-limits]

Runs checkpoints that bring a golden.safetensors (results of the reference implementation) through WebGPU and compares:
logits, hidden states and final states, with the prompt in one piece, split, and in single decode steps; and the greedy
continuation. A row says which parts a golden lacks; without logits it fails. A folder that cannot be verified is a
row that fails.
Tolerances are of the largest magnitude: 2e-4, and 1e-3 for Falcon-H1, whose reference rounds more, or --tolerance.
The column "channels" is the largest error over the channel's own scale, the magnitude of 99 % of its values. It counts
channels in which the golden is exact itself: within a quarter of the bound ${CHANNEL_TOLERANCE.toExponential(0)} of our reference in f64.
The golden has the checkpoint's own weights. Another --dtype than f32 rounds them. Then everything is compared with our
reference in f64 with the rounded weights; npm run perplexity measures the cost of rounding.
--dtype may be given more than once; "all" is every scheme.
With another --cache than f32, keys and values are rounded, and the tolerances are wider: ${CACHE_TOLERANCES.f16.ofLargest} for f16 and ${CACHE_TOLERANCES.int8.ofLargest} for
int8, of channels ${CACHE_TOLERANCES.f16.ofChannels} and ${CACHE_TOLERANCES.int8.ofChannels}.
--without leaves features of the adapter unused. --default-limits asks for a device with the limits that every device has:
so larger adapters verify the paths of smaller ones.`;

/** The command `verify`. @returns 0 when every case is within tolerance, 1 when not, 2 for wrong arguments. */
export async function main(args: string[]): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        dtype: { type: 'string', multiple: true, default: ['f32'] },
        tolerance: { type: 'string' },
        cache: { type: 'string', default: 'f32' },
        without: { type: 'string', multiple: true, default: [] },
        'default-limits': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const { values, positionals } = parsed;
  const tolerance = values.tolerance === undefined ? null : Number(values.tolerance);
  const names: readonly string[] = values.dtype.includes('all') ? SCHEMES : values.dtype;
  const schemes = SCHEMES.filter((scheme) => names.includes(scheme));
  const masked = values.without.flatMap((list) => list.split(','));
  const kvCacheType = CACHE_TYPES.find((type) => type === values.cache);
  const isUnknown =
    !kvCacheType ||
    names.some((name) => !SCHEMES.some((scheme) => scheme === name)) ||
    masked.some((name) => !OPTIONAL_FEATURES.some((feature) => feature === name));
  if (values.help || positionals.length === 0 || isUnknown || (tolerance !== null && !(tolerance > 0))) {
    console.error(USAGE);
    return values.help ? 0 : 2;
  }
  installDawn();
  const gpu = await Gpu.request({
    without: OPTIONAL_FEATURES.filter((feature) => masked.includes(feature)),
    defaultLimits: values['default-limits'],
  });
  const rows: Row[] = [];
  if (!values.json) console.log(`${SAMPLED}\n\n${heading()}`);
  try {
    for (const folder of positionals) {
      for await (const row of verifyFolder(gpu, resolve(folder), { schemes, tolerance, kvCacheType })) {
        rows.push(row);
        if (!values.json) console.log(formatRow(row));
      }
    }
  } finally {
    gpu.dispose();
  }
  const checked = count(rows);
  if (values.json) {
    const { vendor, architecture, description } = gpu.adapterInfo;
    const adapter = { vendor, architecture, description };
    console.log(JSON.stringify({ adapter, schemes, kvCacheType, rows: rows.map(jsonRow), checked }, null, 1));
  } else {
    console.log(`\n${summary(checked)}`);
  }
  return checked.passed < checked.rows ? 1 : 0;
}
