import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Browser, chromium, type Page as BrowserPage } from 'playwright';
import { preview } from 'vite';
import { parseOptions } from '../bench/options.ts';
import { parsePeersOptions, RUNTIME_NAMES } from '../bench/peers/options.ts';
import { peersSections } from '../bench/peers/report.ts';
import type { PeersResult } from '../bench/peers/result.ts';
import { sections, textReport } from '../bench/report.ts';
import type { BenchResult } from '../bench/result.ts';
import { SHAPES } from '../bench/shapes.ts';
import { BambaError } from '../errors.ts';
import { findChromium } from '../tools/machine/chromium.mjs';
import { CommandError, run } from '../tools/process.mjs';
import { chromiumFlags } from '../tools/machine/chromium-flags.ts';
import { readRequest } from './arguments.ts';

const USAGE = `Usage: npm run bench -- [SHAPE[:SCHEME] ...] [--model FOLDER|URL] [--scheme S] [--contexts N,N] [--prefills N,N]
                       [--batch N,N] [--digits N] [--lookup N,N] [--profile] [--profile-context N] [--chunk N]
                       [--load BYTES] [--runs N] [--tokens N] [--without f16,subgroups,timestamps,byteProducts]
                       [--int8dots] [--matrices] [--cache T] [--tune] [--quick] [--json FILE] [--software] [--window]
                       [--no-build]
       npm run bench -- --peers [SHAPE[:SCHEME] ...] [--runtimes R,R] [--patience SECONDS] [--scheme S] [--contexts N,N]
                       [--prefills N,N] [--runs N] [--tokens N] [--json FILE] [--software] [--window] [--no-build]

Measures speed in a Chromium without a window, on the page that a browser shows at bench.html.
Shapes are models with random weights. Without any, and without --model, it is lexicon. There are
  ${Object.keys(SHAPES).join(', ')}.
--profile times every kernel; --quick only shows that all of it runs; --software takes SwiftShader instead of the GPU;
--tune tries sizes that suit the adapter; --load 0 leaves out loading; --int8dots computes prompts with activations of
int8, --matrices with subgroup matrices where the adapter has them; --cache stores keys and values as f32 (the default),
f16 or int8; --batch decodes so many sequences at once, 16 at most, at every context; --digits rounds the inputs of
their products to 1 or 2 digits of int8, where weights are int8 or int4; --lookup verifies drafts in steps of 4, 8 or
16 positions, 1 for all three; --window shows the browser.
--peers compares with ONNX Runtime Web and wllama, on the page peers.html: the same model with the same random weights
in int8 or int4. --runtimes of ${RUNTIME_NAMES.join(', ')}; --patience is how long a step may take.`;

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** A page, and what builds and serves it. */
const PAGES = {
  bench: { path: 'bench.html', configFile: join(root, 'vite.config.ts') },
  peers: { path: 'peers.html', configFile: join(root, 'src', 'app', 'peers.vite.config.ts') },
} as const;
type Page = (typeof PAGES)[keyof typeof PAGES];

/** Arguments that go to the page, by the names that its address has for them. */
const FOR_THE_PAGE = {
  scheme: 'scheme',
  contexts: 'contexts',
  batch: 'batch',
  digits: 'digits',
  lookup: 'lookup',
  prefills: 'prefills',
  'profile-context': 'profileContext',
  chunk: 'chunk',
  load: 'load',
  runs: 'runs',
  tokens: 'tokens',
  without: 'without',
  cache: 'cache',
  runtimes: 'runtimes',
  patience: 'patience',
} as const;

/**
 * The command `bench`.
 * @returns 0; 1 where a model could not be measured; 2 for wrong arguments
 * @throws BambaError what the page throws before the first model.
 */
export async function main(args: string[]): Promise<number> {
  const request = readRequest(args, USAGE, readArguments);
  if (typeof request === 'number') return request;
  const { values, query, folders } = request;
  const result = await measure(values.peers ? PAGES.peers : PAGES.bench, query, folders, values);
  const compared = result.format === 'bamba-web-peers';
  console.log(textReport(compared ? peersSections(result) : sections(result)));
  if (values.json !== undefined) {
    await mkdir(dirname(resolve(values.json)), { recursive: true });
    await writeFile(values.json, `${JSON.stringify(result, null, 1)}\n`);
  }
  return !compared && result.models.some((model) => 'error' in model) ? 1 : 0;
}

function readArguments(args: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      model: { type: 'string', multiple: true, default: [] },
      scheme: text,
      contexts: text,
      batch: text,
      digits: text,
      lookup: text,
      prefills: text,
      'profile-context': text,
      chunk: text,
      load: text,
      runs: text,
      tokens: text,
      without: text,
      cache: text,
      json: text,
      runtimes: text,
      patience: text,
      peers: flag,
      profile: flag,
      int8dots: flag,
      matrices: flag,
      tune: flag,
      quick: flag,
      software: flag,
      window: flag,
      'no-build': flag,
      help: flag,
    },
  });
  if (values.help) return null;
  const query = new URLSearchParams();
  const shapes = positionals.length === 0 && values.model.length === 0 ? ['lexicon'] : positionals;
  if (shapes.length > 0) query.set('shape', shapes.join());
  for (const [argument, name] of Object.entries(FOR_THE_PAGE)) {
    const value = values[argument as keyof typeof FOR_THE_PAGE];
    if (value !== undefined) query.set(name, value);
  }
  for (const name of ['profile', 'int8dots', 'matrices', 'tune', 'quick'] as const)
    if (values[name]) query.set(name, '1');
  const folders: string[] = [];
  for (const model of values.model) {
    if (/^https?:/.test(model)) query.append('model', model);
    else {
      if (!existsSync(join(model, 'manifest.json'))) throw new Error(`There is no package in ${resolve(model)}.`);
      query.append('model', `./${FOLDERS}/${folders.length}/`);
      folders.push(resolve(model));
    }
  }
  (values.peers ? parsePeersOptions : parseOptions)(query); // wrong ones are refused before anything is built
  return { values, query, folders };
}

/** Where the page finds packages of this machine. */
const FOLDERS = 'packages-of-this-machine';

async function measure(
  { path, configFile }: Page,
  query: URLSearchParams,
  folders: readonly string[],
  options: { software: boolean; window: boolean; peers: boolean; 'no-build': boolean },
): Promise<BenchResult | PeersResult> {
  const executablePath = findChromium();
  if (!executablePath) throw new CommandError('There is no Chromium. Set BAMBA_CHROMIUM to the path of one.');
  if (!options['no-build']) await build(configFile);
  const server = await preview({ configFile, logLevel: 'warn', preview: { host: '127.0.0.1', port: 5273 } });
  let browser: Browser | undefined;
  try {
    const software = options.peers ? 'swiftshader-standard' : 'swiftshader';
    const flags = chromiumFlags(options.software ? software : 'native');
    browser = await chromium.launch({
      executablePath,
      headless: !options.window,
      args: options.window ? flags.filter((flag) => !flag.startsWith('--headless')) : flags,
    });
    const page = await browser.newPage();
    await serveFolders(page, folders);
    await openPage(page, new URL(`${path}?${query}`, server.resolvedUrls!.local[0]).href);
    return await resultFrom(page);
  } finally {
    await browser?.close();
    await server.close();
  }
}

/** In a process of its own: this one, which runs the sources, is set up for development. */
async function build(configFile: string): Promise<void> {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const env = { ...process.env, NODE_ENV: 'production' };
  const code = await run(process.execPath, [vite, 'build', '--config', configFile, '--logLevel', 'warn'], {
    cwd: root,
    env,
  });
  if (code !== 0) throw new CommandError(`The page could not be built (exit code ${code}).`);
}

async function serveFolders(page: BrowserPage, folders: readonly string[]): Promise<void> {
  for (const [index, folder] of folders.entries()) {
    await page.route(`**/${FOLDERS}/${index}/*`, async (route) => {
      const file = new URL(route.request().url()).pathname.split('/').at(-1)!;
      await route.fulfill({ path: join(folder, decodeURIComponent(file)) });
    });
  }
}

async function openPage(page: BrowserPage, url: string): Promise<void> {
  page.on('console', (message) => {
    // The report is printed from the result; of the console, what is under way.
    const text = message.text();
    if (!text.includes('\n')) console.error(text);
  });
  await page.goto(url);
  // A person who names a model of another site to the command allows the load.
  const agree = page.getByRole('button', { name: 'Load and measure' });
  if (await agree.isVisible()) await agree.click();
}

/** The result that the page's own promise gives. */
async function resultFrom(page: BrowserPage): Promise<BenchResult | PeersResult> {
  // As strings, errors keep their sentence on the way out of the page.
  const answer = await page.evaluate(async () => {
    try {
      return { result: (await window['__result']) as BenchResult | PeersResult | undefined };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  });
  if (answer.result) return answer.result;
  throw new BambaError('internal', answer.error ?? 'The page of the benchmark did not start.');
}
