import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { textReport } from '../bench/report.ts';
import type { RopeScaling } from '../architecture/rope-scaling.ts';
import { LocalEngine } from '../engine/local-engine.ts';
import { PRECISION_NAMES, PRECISIONS } from '../engine/options.ts';
import { BambaError } from '../errors.ts';
import { evaluate, type EvaluationProgress } from '../evaluate/evaluate.ts';
import { phoneBookWork } from '../evaluate/phone-book.ts';
import { evaluationResult, evaluationSections, progressText } from '../evaluate/report.ts';
import { parseTaskFile } from '../evaluate/task-file.ts';
import { taskWork } from '../evaluate/task-work.ts';
import { scoredTextWork, textWork } from '../evaluate/text-work.ts';
import { requireNames, type Work } from '../evaluate/work.ts';
import { parseScoredText } from '../generate/scored-text.ts';
import { CACHE_TYPES } from '../kernels/attention/kv-cache.ts';
import type { OrderedPackage } from '../storage/packages/package-source.ts';
import { installDawn } from '../tools/machine/dawn.ts';
import { type Manifest, SCHEMES } from '../weights/manifest.ts';
import { sha256Hex } from '../weights/sha256.ts';
import { oneOf, readRequest } from './arguments.ts';
import { tokenizingEngine } from './local-engine.ts';
import { openModel } from './open-model.ts';
import { OutcomeLog } from './outcome-log.ts';
import { readRopeScaling, ROPE_USAGE } from './rope-option.ts';

/** Tasks that come with the project. */
const TASKS = join(import.meta.dirname, '..', '..', 'public', 'tasks');

const USAGE = `Usage: npm run eval -- MODEL [--task NAME|FILE.jsonl]... [--text FILE.txt]... [--ids FILE.json]... [--phone-book [--lengths N,N]]
                      [--window N] [--stride N] [--limit N] [--dtype TYPE] [--context N] [--rope-scaling S]
                      [--precision P] [--cache TYPE] [--log FILE] [--json]

Evaluates MODEL, a package, a checkpoint or a GGUF file, as lm-evaluation-harness does: see docs/EVALUATION.md.
  --task T          a task file, or the name of a task that comes with the project; those where nothing is asked for
  --text FILE       the perplexity of a text; whole where the context has room for it
  --ids FILE        the same of tokens: {"sequences": [{"ids": [...], "answer": [...]}, ...], "reference": {...}}.
                    An answer has a 1 for each token whose prediction counts
  --phone-book      asks for numbers of phone books of 1K to 32K tokens, as many as the context has room for
  --lengths N,N     tokens of those books
  --window N        tokens that are read at once of a text
  --stride N        new tokens of each further window; half of a window unless given
  --limit N         questions, windows or sequences of each, at most
  --dtype T         how the matrices of a checkpoint are stored: ${SCHEMES.join(', ')}; int8 unless given
  --context N       tokens of a prompt and its answer together
  --rope-scaling S  ${ROPE_USAGE}
  --precision P     how exact the engine computes: ${PRECISION_NAMES.join(', ')}; exact unless given
  --cache T         with keys and values stored as ${CACHE_TYPES.join(', ')}; as the precision says unless given
  --log FILE        keeps what was computed in FILE; with the same FILE again, goes on where it stopped
  --json            prints the figures and all outcomes as JSON`;

/** The command `eval`. @returns 0; 1 for what it cannot evaluate; 2 for wrong arguments. */
export async function main(args: string[]): Promise<number> {
  const request = readRequest(args, USAGE, readArguments);
  if (typeof request === 'number') return request;
  try {
    await run(request);
    return 0;
  } catch (error) {
    if (!(error instanceof BambaError)) throw error;
    console.error(error.message);
    return 1;
  }
}

type Request = NonNullable<ReturnType<typeof readArguments>>;

async function run(request: Request): Promise<void> {
  // What files say wrong is heard before a model is loaded.
  const asked = request.phoneBook || request.tasks.length + request.texts.length + request.ids.length > 0;
  const tasks = await Promise.all((asked ? request.tasks : await shippedTasks()).map(readTask));
  const scored = await Promise.all(request.ids.map(readScoredText));
  const texts = await Promise.all(
    request.texts.map(async (file) => ({ name: basename(file), text: await read(file) })),
  );
  const { scheme, precision, ropeScaling, limit, windows } = request;
  const { kvCacheType = PRECISIONS[precision].kvCacheType } = request;
  for (const task of tasks) taskWork(task, { chats: true, limit });
  const source = await openModel(request.model, scheme, 'int8');
  installDawn();
  const local = await LocalEngine.load(source, {
    ...(request.context !== undefined && { contextLength: request.context }),
    ...(ropeScaling && { ropeScaling }),
    precision,
    kvCacheType,
    stateCacheBytes: 0,
    onMessage: (message) => console.error(message),
  });
  try {
    const engine = tokenizingEngine(local);
    const { hasChatTemplate: chats, contextLength } = engine.info.model;
    const works: Work[] = [
      ...tasks.map((task) => taskWork(task, { chats, limit })),
      ...(await Promise.all(texts.map(({ name, text }) => textWork(engine, text, { name, windows, limit })))),
      ...scored.map(({ name, text }) => scoredTextWork(name, text, limit)),
      ...(request.phoneBook ? [phoneBookWork(engine, { lengths: request.lengths, limit })] : []),
    ];
    requireNames(works);
    const settings = { precision, kvCacheType, contextLength, ...(ropeScaling && { ropeScaling }) };
    const kept =
      request.log === undefined ? undefined : await OutcomeLog.open(request.log, await subjectOf(source, settings));
    const results = await evaluate(engine, works, { ...(kept && { kept }), onProgress: progressLine() });
    const { info } = engine;
    if (request.json) console.log(JSON.stringify(evaluationResult(info, results), null, 1));
    else console.log(textReport(evaluationSections(info, results)));
  } finally {
    local.dispose();
  }
}

async function subjectOf(
  { manifest: { name, scheme, shards } }: OrderedPackage<Manifest>,
  settings: { precision: string; kvCacheType: string; contextLength: number; ropeScaling?: RopeScaling },
) {
  // The weights identify a measurement, not the folder's name.
  const weights = await sha256Hex(new TextEncoder().encode(shards.map((shard) => shard.sha256).join()));
  return { name, scheme, ...settings, weights };
}

/** Progress on a line that is written over on a terminal, else a line every ten seconds. */
function progressLine(): (progress: EvaluationProgress) => void {
  const { isTTY } = process.stderr;
  let last = -Infinity;
  return (progress) => {
    const now = performance.now();
    const ends = progress.done === progress.total;
    if (!ends && now - last < (isTTY ? 100 : 10_000)) return;
    last = now;
    process.stderr.write(
      isTTY ? `\r\u001B[K${progressText(progress)}${ends ? '\n' : ''}` : `${progressText(progress)}\n`,
    );
  };
}

async function readTask(name: string) {
  const shipped = join(TASKS, `${name}.jsonl`);
  const file = !existsSync(name) && existsSync(shipped) ? shipped : name;
  return parseTaskFile(await read(file), basename(file));
}

async function readScoredText(file: string) {
  const text = await read(file);
  try {
    return { name: basename(file), text: parseScoredText(JSON.parse(text)) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new BambaError('setting_invalid', `${file} is not JSON: ${error.message}.`, { cause: error });
  }
}

async function read(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    const names = existsSync(TASKS) ? ' Name a file, or a task that comes with the project.' : '';
    throw new BambaError('setting_invalid', `${file} cannot be read: ${cause.message}.${names}`, { cause });
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BambaError('setting_invalid', `${file} is no text in UTF-8. Save it as that.`, { cause });
  }
}

async function shippedTasks(): Promise<string[]> {
  return (await readdir(TASKS)).filter((name) => name.endsWith('.jsonl')).map((name) => basename(name, '.jsonl'));
}

function readArguments(args: string[]) {
  const many = { type: 'string', multiple: true, default: [] as string[] } as const;
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      task: many,
      text: many,
      ids: many,
      'phone-book': { ...flag, default: false },
      lengths: text,
      window: text,
      stride: text,
      limit: text,
      dtype: text,
      context: text,
      'rope-scaling': text,
      precision: { ...text, default: 'exact' },
      cache: text,
      log: text,
      json: flag,
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return null;
  const [model, ...rest] = positionals;
  if (model === undefined || rest.length > 0)
    throw new Error('One model is needed; other files follow --task or --text.');
  const scheme = values.dtype === undefined ? undefined : oneOf('--dtype', values.dtype, SCHEMES);
  const kvCacheType = values.cache === undefined ? undefined : oneOf('--cache', values.cache, CACHE_TYPES);
  const precision = oneOf('--precision', values.precision, PRECISION_NAMES);
  const number = (name: 'window' | 'stride' | 'limit' | 'context') => whole(name, values[name]);
  const [size, stride] = [number('window'), number('stride')];
  return {
    model,
    scheme,
    kvCacheType,
    tasks: values.task,
    texts: values.text,
    ids: values.ids,
    phoneBook: values['phone-book'],
    lengths: values.lengths?.split(',').map((length) => whole('lengths', length)!),
    windows: { ...(size !== undefined && { size }), ...(stride !== undefined && { stride }) },
    limit: number('limit') ?? Infinity,
    context: number('context'),
    ropeScaling: readRopeScaling(values['rope-scaling']),
    precision,
    log: values.log,
    json: values.json,
  };
}

function whole(option: string, text: string | undefined): number | undefined {
  if (text === undefined || (/^\d+$/.test(text) && Number(text) >= 1))
    return text === undefined ? undefined : Number(text);
  throw new Error(`--${option} takes a whole number from 1 on, not ${JSON.stringify(text)}.`);
}
