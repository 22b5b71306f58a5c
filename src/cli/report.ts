import { parseArgs } from 'node:util';
import { bytes, type Section, textReport } from '../bench/report.ts';
import { loadModel } from '../engine/loading/load.ts';
import { TextSide } from '../engine/prompts/text-side.ts';
import { BambaError } from '../errors.ts';
import { Gpu } from '../gpu/device.ts';
import type { Model } from '../model/model.ts';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { installDawn } from '../tools/machine/dawn.ts';
import { SCHEMES } from '../weights/manifest.ts';
import type { Scheme } from '../weights/types.ts';
import { readRequest } from './arguments.ts';
import { openModel } from './open-model.ts';
import { type Divergence, divergence, textLogits, type TextLogits } from './report/divergence.ts';
import { moduleDivergences, type ModuleDivergence } from './report/modules.ts';
import { dictionarySequences, fileSequences, firstTokens } from './report/texts.ts';

const ROUNDED = SCHEMES.filter((scheme) => scheme !== 'f32');

const USAGE = `Usage: npm run report -- FOLDER [--text FILE.txt|FILE.json] [--tokens N] [--schemes ${ROUNDED.join(',')}]
                       [--modules SCHEME|none] [--json]

Tells what each scheme of weights costs a model: its size, perplexity, how often its likeliest token is that of f32,
and the Kullback-Leibler divergence from f32. Then it rounds one matrix at a time, and ranks all by divergence.
FOLDER has a checkpoint of any type, or is a GGUF file: the model is converted in memory, and computed in f32 besides.
  --text FILE     a text, or tokens as npm run eval takes them; the project's dictionary unless given
  --tokens N      of it, at most; 1024 unless given
  --schemes LIST  those that are compared, with commas between; all unless given
  --modules S     the scheme that single matrices are rounded to; int4 unless given, none leaves this out
  --json          prints all figures as JSON`;

/** A scheme of the whole model. */
interface SchemeReport extends Divergence {
  scheme: Scheme;
  /** Of the weights. */
  bytes: number;
}

/** What the command finds out. */
interface QuantizationReport {
  model: string;
  /** Of the text. */
  tokens: number;
  /** f32 first. */
  schemes: SchemeReport[];
  /** The scheme of `modules`; null where none were rounded. */
  moduleScheme: Scheme | null;
  /** The most fragile first. */
  modules: ModuleDivergence[];
}

/** The command `report`. @returns 0; 1 for what it cannot report on; 2 for wrong arguments. */
export async function main(args: string[]): Promise<number> {
  const request = readRequest(args, USAGE, readArguments);
  if (typeof request === 'number') return request;
  try {
    const report = await quantizationReport(request);
    console.log(request.json ? JSON.stringify(report, null, 1) : textReport(sections(report)));
    return 0;
  } catch (error) {
    if (!(error instanceof BambaError)) throw error;
    console.error(error.message);
    return 1;
  }
}

type Request = NonNullable<ReturnType<typeof readArguments>>;

async function quantizationReport({
  model: place,
  text: file,
  tokens,
  schemes,
  modules,
}: Request): Promise<QuantizationReport> {
  installDawn();
  const source = await openModel(place, 'f32', 'f32');
  const text = await TextSide.load(source);
  const all = file === undefined ? await dictionarySequences(text) : await fileSequences(file, text);
  const sequences = firstTokens(all, tokens);
  const gpu = await Gpu.request();
  try {
    const { reference, ranked } = await withModel(gpu, source, async (model) => {
      const logits = await textLogits(model, sequences);
      if (modules === null) return { reference: logits, ranked: [] };
      const onModule = (name: string) => console.error(`rounding ${name} alone`);
      return {
        reference: logits,
        ranked: await moduleDivergences({ model, source, scheme: modules, reference: logits, sequences, onModule }),
      };
    });
    const reports = [await schemeReport('f32', source, reference, reference, sequences)];
    for (const scheme of schemes) {
      console.error(`computing in ${scheme}`);
      const rounded = await openModel(place, scheme, scheme);
      const logits = await withModel(gpu, rounded, (model) => textLogits(model, sequences));
      reports.push(await schemeReport(scheme, rounded, reference, logits, sequences));
    }
    const count = sequences.reduce((sum, { length }) => sum + length, 0);
    return { model: source.manifest.name, tokens: count, schemes: reports, moduleScheme: modules, modules: ranked };
  } finally {
    gpu.dispose();
  }
}

async function withModel<Result>(
  gpu: Gpu,
  source: PackageSource,
  work: (model: Model) => Promise<Result>,
): Promise<Result> {
  const model = await loadModel(gpu, source);
  try {
    return await work(model);
  } finally {
    model.dispose();
  }
}

async function schemeReport(
  scheme: Scheme,
  { manifest }: PackageSource,
  reference: TextLogits,
  logits: TextLogits,
  sequences: readonly (readonly number[])[],
): Promise<SchemeReport> {
  return { scheme, bytes: manifest.stream.bytes, ...divergence(reference, logits, sequences) };
}

function sections({ model, tokens, schemes, moduleScheme, modules }: QuantizationReport): Section[] {
  const figures = (found: Divergence) => [`${(100 * found.top1).toFixed(2)} %`, exact(found.klMean), exact(found.kl99)];
  const columns = ['perplexity', 'same likeliest', 'mean KL', '99 % below'];
  const row = (...cells: string[]) => ({ cells, ratio: null });
  const whole: Section = {
    title: `${model}: ${tokens} tokens`,
    facts: ['KL is the divergence from f32, in nats a token.'],
    tables: [
      {
        title: 'All matrices in one scheme',
        columns: ['what', 'size', ...columns],
        rows: schemes.map((one) => row(one.scheme, bytes(one.bytes), one.perplexity.toFixed(4), ...figures(one))),
      },
    ],
  };
  if (moduleScheme === null) return [whole];
  whole.tables.push({
    title: `One matrix as in ${moduleScheme}, all others in f32, the most fragile first`,
    columns: ['what', 'size', 'scheme', ...columns],
    rows: modules.map((one) => row(one.name, bytes(one.bytes), one.scheme, one.perplexity.toFixed(4), ...figures(one))),
  });
  return [whole];
}

function exact(value: number): string {
  return value === 0 ? '0' : value.toPrecision(3);
}

function readArguments(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      text: { type: 'string' },
      tokens: { type: 'string', default: '1024' },
      schemes: { type: 'string', default: ROUNDED.join() },
      modules: { type: 'string', default: 'int4' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return null;
  const [model, ...rest] = positionals;
  if (model === undefined || rest.length > 0) throw new Error('One folder is needed.');
  const scheme = (name: string): Scheme => {
    const known = ROUNDED.find((one) => one === name);
    if (known) return known;
    throw new Error(`${name} is no scheme that rounds: ${ROUNDED.join(', ')}.`);
  };
  if (!/^\d+$/.test(values.tokens) || Number(values.tokens) < 2)
    throw new Error('--tokens takes a whole number from 2 on.');
  return {
    model,
    text: values.text,
    tokens: Number(values.tokens),
    schemes: values.schemes === '' ? [] : values.schemes.split(',').map(scheme),
    modules: values.modules === 'none' ? null : scheme(values.modules),
    json: values.json,
  };
}
