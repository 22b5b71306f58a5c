import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Gpu, OPTIONAL_FEATURES } from '../gpu/device.ts';
import { CACHE_TYPES } from '../kernels/attention/kv-cache.ts';
import { SCHEMES } from '../weights/manifest.ts';
import { installDawn } from '../tools/machine/dawn.ts';
import { oneOf, readRequest } from './arguments.ts';
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
reference in f64 with the rounded weights; npm run report measures the cost of rounding.
--dtype may be given more than once; "all" is every scheme.
With another --cache than f32, keys and values are rounded, and the tolerances are wider: ${CACHE_TOLERANCES.f16.ofLargest} for f16 and ${CACHE_TOLERANCES.int8.ofLargest} for
int8, of channels ${CACHE_TOLERANCES.f16.ofChannels} and ${CACHE_TOLERANCES.int8.ofChannels}.
--without leaves features of the adapter unused. --default-limits asks for a device with the limits that every device
has: so larger adapters verify the paths of smaller ones.`;

/** The command `verify`. @returns 0 when every case is within tolerance, 1 when not, 2 for wrong arguments. */
export async function main(args: string[]): Promise<number> {
  const request = readRequest(args, USAGE, readArguments);
  if (typeof request === 'number') return request;
  const { folders, without, defaultLimits, json, ...settings } = request;
  installDawn();
  const gpu = await Gpu.request({
    without,
    defaultLimits,
  });
  const rows: Row[] = [];
  if (!json) console.log(`${SAMPLED}\n\n${heading()}`);
  try {
    for (const folder of folders) {
      for await (const row of verifyFolder(gpu, resolve(folder), settings)) {
        rows.push(row);
        if (!json) console.log(formatRow(row));
      }
    }
  } finally {
    gpu.dispose();
  }
  const checked = count(rows);
  if (json) {
    const { vendor, architecture, description } = gpu.adapterInfo;
    const adapter = { vendor, architecture, description };
    console.log(
      JSON.stringify(
        { adapter, schemes: settings.schemes, kvCacheType: settings.kvCacheType, rows: rows.map(jsonRow), checked },
        null,
        1,
      ),
    );
  } else {
    console.log(`\n${summary(checked)}`);
  }
  return checked.passed < checked.rows ? 1 : 0;
}

function readArguments(args: string[]) {
  const { values, positionals: folders } = parseArgs({
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
  if (values.help) return null;
  if (folders.length === 0) throw new Error('A folder with a golden is needed.');
  const tolerance = values.tolerance === undefined ? null : Number(values.tolerance);
  if (tolerance !== null && !(tolerance > 0)) throw new Error('--tolerance has to be a number above 0.');
  const dtypes = values.dtype.includes('all') ? SCHEMES : values.dtype.map((name) => oneOf('--dtype', name, SCHEMES));
  const masked = values.without
    .flatMap((list) => list.split(','))
    .map((name) => oneOf('--without', name, OPTIONAL_FEATURES));
  return {
    folders,
    schemes: SCHEMES.filter((scheme) => dtypes.includes(scheme)),
    tolerance,
    kvCacheType: oneOf('--cache', values.cache, CACHE_TYPES),
    without: OPTIONAL_FEATURES.filter((feature) => masked.includes(feature)),
    defaultLimits: values['default-limits'],
    json: values.json,
  };
}
