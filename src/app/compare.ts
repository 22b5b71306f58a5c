// The page of comparisons. It loads models when it is told to, and nothing before.

import { html, render } from 'lit';
import { type ComparedModel, compareModels, type Comparison } from '../bench/compare/compare.ts';
import { SCHEMES } from '../bench/plan/request.ts';
import { BambaError } from '../errors.ts';
import { comparisonView } from './compare-view.ts';
import { bar, form, output, setRunning, status, stopButton } from './run-controls.ts';

/** Tokens of an answer: each holds a row of the vocabulary in memory. */
const MOST_TOKENS = 1024;

let running: AbortController | null = null;
let chosen = 0;

const field = (name: string) => form.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement;

function modelOf(name: 'first' | 'second'): ComparedModel {
  const known = SCHEMES.find((scheme) => scheme === field(`${name}-dtype`).value);
  return { model: field(name).value.trim(), ...(known && { dtype: known }) };
}

/** @throws BambaError `setting_invalid` */
function tokensOf(): number {
  const text = field('tokens').value.trim();
  if (/^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_TOKENS) return Number(text);
  throw new BambaError('setting_invalid', `An answer takes a whole number of tokens from 1 to ${MOST_TOKENS}.`);
}

function show(comparison: Comparison): void {
  const choose = (token: number): void => {
    chosen = token;
    show(comparison);
  };
  render(comparisonView(comparison, chosen, choose), output);
}

async function run(signal: AbortSignal): Promise<void> {
  const maxTokens = tokensOf();
  chosen = 0;
  render(null, output);
  await compareModels({
    models: [modelOf('first'), modelOf('second')],
    prompt: field('prompt').value,
    maxTokens,
    base: document.baseURI,
    signal,
    onProgress(what, share) {
      bar.value = share;
      status.textContent = `${what} …`;
    },
    onResult: show,
  });
  status.textContent = 'Done.';
}

async function start(): Promise<void> {
  if (running) return;
  running = new AbortController();
  setRunning(true);
  try {
    await run(running.signal);
  } catch (error) {
    const stopped = error instanceof BambaError && error.code === 'aborted';
    status.textContent = stopped ? 'Stopped.' : error instanceof Error ? error.message : String(error);
  } finally {
    running = null;
    setRunning(false);
  }
}

const asked = new URLSearchParams(location.search);
for (const name of ['first', 'second', 'prompt', 'tokens']) field(name).value = asked.get(name) ?? field(name).value;
for (const name of ['first-dtype', 'second-dtype']) {
  const options = ['', ...SCHEMES].map(
    (scheme) =>
      html`<option value=${scheme} ?selected=${scheme === asked.get(name)}>${scheme || 'as they come'}</option>`,
  );
  render(options, field(name));
}
form.addEventListener('submit', (event) => {
  event.preventDefault();
  void start();
});
stopButton.addEventListener('click', () => running?.abort());
