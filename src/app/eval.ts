// The page of evaluations. It loads a model when it is told to, and nothing before.

import { html, render } from 'lit';
import { createEngine } from '../engine/client.ts';
import type { Scheme, TokenizingEngine } from '../engine/protocol.ts';
import { BambaError, isFatal } from '../errors.ts';
import { evaluate, type EvaluationProgress, type WorkResult } from '../evaluate/evaluate.ts';
import { evaluationResult, evaluationSections, progressText } from '../evaluate/report.ts';
import { taskWork } from '../evaluate/task-work.ts';
import { scoredTextWork, textWork } from '../evaluate/text-work.ts';
import { requireNames, type Work } from '../evaluate/work.ts';
import { phoneBookWork } from '../evaluate/phone-book.ts';
import { reportView } from './bench-view.ts';
import { readSource, shippedTask, type Source } from './eval-files.ts';
import { forgetOutcomes, StoredOutcomes } from './eval-store.ts';
import { chartView } from './plan-chart.ts';
import { bar, form, output, setRunning, status, stopButton } from './run-controls.ts';

/** How matrices of a checkpoint may be stored; a package is of the type that it has. */
const SCHEMES: readonly Scheme[] = ['int8', 'int4', 'fp8', 'f16', 'f32'];
/** Milliseconds between two looks at what is known so far. */
const SHOW_MS = 500;

const forgetButton = document.querySelector<HTMLButtonElement>('#forget')!;
const download = document.querySelector<HTMLAnchorElement>('#download')!;
const drop = document.querySelector<HTMLElement>('#own')!;

let own: Source[] = [];
let running: AbortController | null = null;
let loaded: { key: string; engine: TokenizingEngine } | null = null;

const field = (name: string) => form.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement;

function say(error: unknown): void {
  status.textContent = error instanceof Error ? error.message : String(error);
}

/** A whole number that may be left out. @throws BambaError `setting_invalid` */
function whole(name: string, title: string): number | undefined {
  const text = field(name).value.trim();
  if (text === '') return undefined;
  if (/^\d{1,9}$/.test(text) && Number(text) >= 1) return Number(text);
  throw new BambaError(
    'setting_invalid',
    `${title} takes a whole number from 1 on, not ${text}. Leave it empty for all.`,
  );
}

function showFiles(): void {
  const remove = (source: Source) => {
    own = own.filter((one) => one !== source);
    showFiles();
    field('files').focus();
  };
  render(
    own.map(
      (source) => html`<li><button type="button" @click=${() => remove(source)}>Remove ${source.name}</button></li>`,
    ),
    document.querySelector<HTMLElement>('#files')!,
  );
}

async function take(files: Iterable<File>): Promise<void> {
  status.textContent = '';
  for (const file of files) {
    try {
      const source = await readSource(file);
      own = [...own.filter(({ name }) => name !== source.name), source];
    } catch (error) {
      say(error);
    }
  }
  showFiles();
}

/** Lengths of phone books, where some are asked for. @throws BambaError `setting_invalid` */
function bookLengths(): number[] | undefined {
  const texts = field('lengths')
    .value.split(/[\s,]+/)
    .filter((text) => text !== '');
  return texts.length === 0 ? undefined : texts.map(Number);
}

/** The engine that the form asks for; the one that is loaded where it is the same. */
async function engineFor(model: string, dtype: Scheme | '', signal: AbortSignal): Promise<TokenizingEngine> {
  const key = JSON.stringify([model, dtype]);
  if (loaded?.key === key) return loaded.engine;
  await loaded?.engine.dispose();
  loaded = null;
  const engine = await createEngine({
    model,
    ...(dtype !== '' && { dtype }),
    signal,
    precision: 'exact',
    stateCacheBytes: 0,
    storedStateBytes: 0,
    onProgress: ({ progress, message }) => {
      bar.value = progress;
      status.textContent = message ?? `Loading the model: ${Math.floor(100 * progress)} %`;
    },
  });
  loaded = { key, engine };
  return engine;
}

async function worksOf(
  engine: TokenizingEngine,
  sources: readonly Source[],
  { limit, windows }: { limit: number; windows: { size?: number; stride?: number } },
): Promise<Work[]> {
  const chats = engine.info.model.hasChatTemplate;
  const works: Work[] = [];
  for (const source of sources) {
    if (source.type === 'task') works.push(taskWork(source.task, { chats, limit }));
    else if (source.type === 'tokens') works.push(scoredTextWork(source.name, source.tokens, limit));
    else works.push(await textWork(engine, source.text, { name: source.name, windows, limit }));
  }
  return works;
}

async function run(signal: AbortSignal): Promise<void> {
  const limit = whole('limit', 'Questions') ?? Infinity;
  const [size, stride] = [whole('window', 'The window'), whole('stride', 'The stride')];
  const windows = { ...(size !== undefined && { size }), ...(stride !== undefined && { stride }) };
  const boxes = [...form.querySelectorAll<HTMLInputElement>('[name=task]:checked')];
  const sources = [...(await Promise.all(boxes.map(({ value }) => shippedTask(value)))), ...own];
  const book = form.querySelector<HTMLInputElement>('[name=book]')!.checked ? { lengths: bookLengths(), limit } : null;
  if (sources.length === 0 && !book) {
    throw new BambaError('setting_invalid', 'There is nothing to evaluate. Choose a task, or files of your own.');
  }
  const [model, dtype] = [field('model').value.trim(), field('dtype').value as Scheme | ''];
  const engine = await engineFor(model, dtype, signal);
  const works = await worksOf(engine, sources, { limit, windows });
  if (book) works.push(phoneBookWork(engine, book));
  requireNames(works);
  const { name, scheme, bytes, parameters, contextLength } = engine.info.model;
  const subject = JSON.stringify([model, name, scheme, bytes, parameters, contextLength]);
  let denied = '';
  const kept = await StoredOutcomes.open(subject, () => {
    denied = ' This browser keeps nothing: a stopped evaluation begins anew after a reload.';
  });
  let shown = -Infinity;
  const onProgress = (progress: EvaluationProgress) => {
    bar.value = progress.done / progress.total;
    if (performance.now() - shown < SHOW_MS) return;
    shown = performance.now();
    status.textContent = progressText(progress) + denied;
    show(engine, progress.sofar());
  };
  const results = await evaluate(engine, works, { kept, signal, onProgress });
  show(engine, results);
  status.textContent = `Done.${denied}`;
}

function show({ info }: TokenizingEngine, results: readonly WorkResult[]): void {
  const plain = results.map(({ charts: _charts, ...result }) => result);
  const charts = results.flatMap((result) => result.charts ?? []);
  render(
    [
      reportView(evaluationSections(info, plain)),
      charts.length > 0 ? html`<div class="charts">${charts.map(chartView)}</div>` : '',
    ],
    output,
  );
  URL.revokeObjectURL(download.href);
  const json = JSON.stringify(evaluationResult(info, results), null, 1);
  download.href = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
  download.hidden = results.length === 0;
}

async function start(): Promise<void> {
  if (running) return;
  running = new AbortController();
  setRunning(true);
  forgetButton.disabled = true;
  status.textContent = 'Reading the tasks …';
  try {
    await run(running.signal);
  } catch (error) {
    const stopped = error instanceof BambaError && error.code === 'aborted';
    if (stopped) status.textContent = 'Stopped. What was computed is kept: Evaluate goes on from it.';
    else say(error);
    // An engine that broke is loaded anew.
    if (!(error instanceof BambaError) || isFatal(error.code)) {
      await loaded?.engine.dispose();
      loaded = null;
    }
  } finally {
    running = null;
    setRunning(false);
    forgetButton.disabled = false;
  }
}

async function forget(): Promise<void> {
  try {
    await forgetOutcomes();
    status.textContent = 'Forgotten: the next evaluation computes everything.';
  } catch (error) {
    say(error);
  }
}

render(
  ['', ...SCHEMES].map((scheme) => html`<option value=${scheme}>${scheme || 'as they come'}</option>`),
  field('dtype'),
);
field('model').value = new URLSearchParams(location.search).get('model') ?? field('model').value;
form.addEventListener('submit', (event) => {
  event.preventDefault();
  void start();
});
stopButton.addEventListener('click', () => running?.abort());
forgetButton.addEventListener('click', () => void forget());
field('files').addEventListener('change', (event) => {
  const input = event.target as HTMLInputElement;
  void take([...(input.files ?? [])]);
  input.value = '';
});
drop.addEventListener('dragover', (event) => {
  event.preventDefault();
  drop.classList.add('over');
});
drop.addEventListener('dragleave', () => drop.classList.remove('over'));
drop.addEventListener('drop', (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  void take([...(event.dataTransfer?.files ?? [])]);
});
