import { basename, dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { chartTable } from '../bench/chart.ts';
import { compareCharts } from '../bench/plan/charts.ts';
import {
  configModel,
  defaultRates,
  parseFields,
  type PlanFields,
  type PlanModel,
  shapeModel,
} from '../bench/plan/request.ts';
import { planSections, ratesText } from '../bench/plan/report.ts';
import { textReport } from '../bench/report.ts';
import { isShapeName, SHAPES } from '../bench/shapes.ts';
import { BambaError } from '../errors.ts';
import { type CostSettings, modelCost } from '../model/cost/model-cost.ts';
import { folderSource } from '../tools/models/folder.ts';
import { readText } from '../weights/read-text.ts';
import { readRequest } from './arguments.ts';
import { benchRates } from './bench-file.ts';
import { readModelFacts } from './inspection.ts';

const usage = () => `Usage: npm run plan -- MODEL [--context N] [--batch B] [--scheme S] [--cache T] [--bench FILE.json]
                      [--read GB/s] [--flops TFLOP/s] [--start MICROSECONDS] [--curves] [--json]
                      [--revision REV] [--endpoint URL]

Tells the costs of a model without running it: parameters, GPU memory, the work of reading a prompt of N tokens and of
decoding the token behind it, the predicted speed, and what bounds it. MODEL is a config.json, a folder with a Hugging
Face checkpoint, a GGUF file, a package of bamba-web, a repository of the Hub, or one of the shapes
  ${Object.keys(SHAPES).join(', ')}.
The context has 4096 tokens by default, the batch 1 sequence, weights are int8, keys and values f32.
The time is predicted from what the adapter does at best, and from a small model's token. --bench takes both from a
result that \`npm run bench -- --json\` wrote; --read, --flops and --start come before it. By default these are the rates
of an NVIDIA H100 in Chromium:
${ratesText(defaultRates())}.
--curves compares Bamba-9B with Llama-3.1-8B over contexts of 1K to 1M tokens and batches of 1 to 64.`;

/** The command `plan`. @returns 0, 1 for a model or a value that it cannot take, 2 for wrong arguments. */
export async function main(args: string[]): Promise<number> {
  const request = readRequest(args, usage(), readArguments);
  if (typeof request === 'number') return request;
  const { source, values } = request;
  try {
    const { revision, endpoint, bench } = values;
    const measured = bench === undefined ? {} : await benchFields(bench);
    const settings = parseFields({ ...measured, ...given(values) });
    const place = { ...(revision !== undefined && { revision }), ...(endpoint !== undefined && { endpoint }) };
    const model = await openPlanModel(source, place);
    console.log(values.json ? json(model, settings, values.curves) : report(model, settings, values.curves));
    return 0;
  } catch (error) {
    if (!(error instanceof BambaError)) throw error;
    console.error(error.message);
    return 1;
  }
}

function readArguments(args: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      context: text,
      batch: text,
      scheme: text,
      cache: text,
      bench: text,
      read: text,
      flops: text,
      start: text,
      revision: text,
      endpoint: text,
      curves: flag,
      json: flag,
      help: { ...flag, short: 'h' },
    },
  });
  if (values.help) return null;
  const [source, ...rest] = positionals;
  if (source === undefined || rest.length > 0) throw new Error('One model is needed.');
  return { source, values };
}

/** The fields that were given; one that is empty is refused, not taken for the default. */
function given(values: PlanFields): PlanFields {
  const names = ['context', 'batch', 'scheme', 'cache', 'read', 'flops', 'start'] as const;
  const found = names.filter((name) => values[name] !== undefined);
  const empty = found.find((name) => values[name] === '');
  if (empty) throw new BambaError('setting_invalid', `--${empty} is given without a value. Name one, or leave it out.`);
  return Object.fromEntries(found.map((name) => [name, values[name]]));
}

async function openPlanModel(source: string, place: Parameters<typeof readModelFacts>[1]): Promise<PlanModel> {
  if (isShapeName(source)) return shapeModel(source);
  if (basename(source).endsWith('.json'))
    return configModel(basename(dirname(resolve(source))), await fileBytes(source));
  return readModelFacts(source, place);
}

async function fileBytes(path: string): Promise<Uint8Array> {
  const bytes = await readText(folderSource(dirname(resolve(path))), basename(path));
  if (bytes) return bytes;
  throw new BambaError('config_invalid', `There is no file ${path}.`);
}

/** Rates of the adapter that a result of the benchmark is of, as fields. */
async function benchFields(path: string): Promise<PlanFields> {
  const { readBytesPerS, flopsPerS, startS } = benchRates(await fileBytes(path), path);
  return { read: `${readBytesPerS / 1e9}`, flops: `${flopsPerS / 1e12}`, start: `${startS * 1e6}` };
}

function report(model: PlanModel, settings: CostSettings, curves: boolean): string {
  const sections = planSections(model, settings, modelCost(model.architecture, model.specs, settings));
  if (curves) {
    const charts = compareCharts(settings);
    sections.push({
      title: 'Bamba-9B against Llama-3.1-8B',
      facts: charts.map(({ description }) => description),
      tables: charts.map(chartTable),
    });
  }
  return textReport(sections);
}

function json(model: PlanModel, settings: CostSettings, curves: boolean): string {
  const cost = modelCost(model.architecture, model.specs, settings);
  const { name, architecture } = model;
  return JSON.stringify(
    { name, settings, cost, ...(curves && { charts: compareCharts(settings) }), architecture },
    null,
    1,
  );
}
