// The page of the cost model. Its address has what the form has, so that it can be passed on.

import { html, render } from 'lit';
import { compareCharts } from '../bench/plan/charts.ts';
import { MEASURED_RUNS, ratesOfRun, runWith } from '../bench/plan/measured.ts';
import {
  CACHE_TYPES,
  configModel,
  type CostSettings,
  modelCost,
  parseFields,
  type PlanModel,
  SCHEMES,
  SHAPE_TITLES,
  shapeModel,
} from '../bench/plan/request.ts';
import { compareView, costView } from './plan-view.ts';

const FIELDS = ['model', 'scheme', 'cache', 'context', 'batch', 'read', 'flops', 'start'] as const;
type Fields = Record<(typeof FIELDS)[number], string>;
/** A config.json is some kB: what is larger is none. */
const MOST_CONFIG_BYTES = 2 * 2 ** 20;
/** The choice that stands for the model of a file. */
const FILE_CHOICE = 'file';
/** The choice that stands for rates that the fields say. */
const OWN_RATES = 'another GPU';

const form = document.querySelector('form')!;
const status = document.querySelector<HTMLElement>('#status')!;
const output = document.querySelector<HTMLElement>('#result')!;
const measure = document.querySelector<HTMLButtonElement>('#measure')!;
const asked = new URLSearchParams(location.search);

let fileModel: PlanModel | null = null;

function field(name: string): HTMLInputElement | HTMLSelectElement {
  return form.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement;
}

function fillChoices(chosen: string): void {
  const option = (value: string, text: string, selected: string) =>
    html`<option value=${value} ?selected=${value === selected}>${text}</option>`;
  const shapes = Object.entries(SHAPE_TITLES).map(([name, title]) => option(name, title, chosen));
  render(fileModel ? [...shapes, option(FILE_CHOICE, fileModel.name, chosen)] : shapes, field('model'));
}

function showDefaults(): void {
  fillChoices(asked.get('model') ?? 'bamba-9b');
  const { scheme, cacheType, context, batch, rates } = parseFields({});
  const options = (known: readonly string[], chosen: string) =>
    known.map((name) => html`<option ?selected=${name === chosen}>${name}</option>`);
  render(options(SCHEMES, asked.get('scheme') ?? scheme), field('scheme'));
  render(options(CACHE_TYPES, asked.get('cache') ?? cacheType), field('cache'));
  const texts = { context: `${context}`, batch: `${batch}`, ...rateTexts(rates) };
  for (const [name, text] of Object.entries(texts)) field(name).value = asked.get(name) ?? text;
}

/** Shows the GPU that rates are of; those that no run measured are one's own. */
function showGpu(rates: CostSettings['rates']): void {
  const names = [...MEASURED_RUNS.map(({ gpu }) => gpu), OWN_RATES];
  const chosen = runWith(rates)?.gpu ?? OWN_RATES;
  render(
    names.map((name) => html`<option .selected=${name === chosen}>${name}</option>`),
    field('gpu'),
  );
}

/** Puts the rates of a GPU into the fields. */
function takeRates(name: string): void {
  const run = MEASURED_RUNS.find(({ gpu }) => gpu === name);
  if (run) showRates(ratesOfRun(run));
}

function showRates(rates: CostSettings['rates']): void {
  for (const [name, text] of Object.entries(rateTexts(rates))) field(name).value = text;
}

function rateTexts({ readBytesPerS, flopsPerS, startS }: CostSettings['rates']) {
  const text = (value: number) => `${Number(value.toPrecision(3))}`;
  return { read: text(readBytesPerS / 1e9), flops: text(flopsPerS / 1e12), start: text(startS * 1e6) };
}

/** What the form has; a value that no choice offers comes from the address. */
function values(fromAddress: boolean): Fields {
  const value = (name: string) => (fromAddress ? asked.get(name) : null) ?? field(name).value;
  return Object.fromEntries(FIELDS.map((name) => [name, value(name)])) as Fields;
}

/** Shows what the fields ask for, or says what is wrong with them. */
function show(fields: Fields): void {
  try {
    const empty = FIELDS.find((name) => fields[name].trim() === '');
    const settings = parseFields(empty ? { ...fields, [empty]: ' ' } : fields);
    const model = fields.model === FILE_CHOICE && fileModel ? fileModel : shapeModel(fields.model);
    showGpu(settings.rates);
    const cost = modelCost(model.architecture, model.specs, settings);
    render([costView(model, settings, cost), compareView(charts(settings))], output);
    status.textContent = '';
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error);
  }
}

let drawn = { key: '', charts: [] as ReturnType<typeof compareCharts> };

/** The charts, which do not depend on the model, the context and the batch. */
function charts({ scheme, cacheType, rates }: CostSettings): ReturnType<typeof compareCharts> {
  const key = JSON.stringify([scheme, cacheType, rates]);
  if (drawn.key !== key) drawn = { key, charts: compareCharts({ scheme, cacheType, rates }) };
  return drawn.charts;
}

function update(): void {
  const fields = values(false);
  if (fields.model !== FILE_CHOICE) {
    history.replaceState(null, '', `?${new URLSearchParams(fields)}`);
  }
  show(fields);
}

async function openFile(file: File): Promise<void> {
  try {
    if (file.size > MOST_CONFIG_BYTES) throw new Error(`${file.name} is too large for a config.json.`);
    fileModel = configModel(file.name, new Uint8Array(await file.arrayBuffer()));
    fillChoices(FILE_CHOICE);
    field('model').value = FILE_CHOICE;
    update();
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error);
  }
}

async function measureHere(): Promise<void> {
  measure.disabled = true;
  status.textContent = 'Measuring this GPU …';
  try {
    const { measureRates } = await import('../bench/plan/measure.ts');
    const { rates, adapter } = await measureRates(asked.has('quick'), (what) => {
      status.textContent = `Measuring ${what} …`;
    });
    showRates(rates);
    update();
    status.textContent = `These are the rates of ${adapter}.`;
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error);
  } finally {
    measure.disabled = false;
  }
}

showDefaults();
show(values(true));
form.addEventListener('input', (event) => {
  const { target } = event;
  if (target === field('gpu')) takeRates(field('gpu').value);
  if (target instanceof HTMLInputElement && target.type === 'file') {
    const [file] = target.files ?? [];
    if (file) void openFile(file);
  } else update();
});
form.addEventListener('submit', (event) => event.preventDefault());
measure.addEventListener('click', () => void measureHere());
