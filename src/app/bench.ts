// The page of the benchmark. An address with a shape or a model runs at once, and the promise of the result is
// `window.__result`: so the command and other programs take it.

import { html, render } from 'lit';
import { runBench } from '../bench/bench.ts';
import { parseOptions } from '../bench/options.ts';
import { sections, textReport } from '../bench/report.ts';
import type { BenchResult } from '../bench/result.ts';
import { SHAPES } from '../bench/shapes.ts';
import { reportView } from './bench-view.ts';

declare global {
  interface Window {
    /** The result of the run that the address asked for. */
    __result?: Promise<BenchResult>;
  }
}

const SCHEMES = ['int8', 'int4', 'fp8', 'f16', 'f32'];
/** What anybody's device has room for. */
const FIRST_SHAPE = 'lexicon';

const output = document.querySelector<HTMLElement>('#result')!;
const status = document.querySelector<HTMLElement>('#status')!;
const form = document.querySelector('form')!;
const download = document.querySelector<HTMLAnchorElement>('#download')!;

function fillChoices(query: URLSearchParams): void {
  const shape = query.get('shape')?.split(':')[0] ?? FIRST_SHAPE;
  const options = (names: readonly string[], chosen: string | null) =>
    names.map((name) => html`<option ?selected=${name === chosen}>${name}</option>`);
  render(options(Object.keys(SHAPES), shape), form.querySelector<HTMLElement>('[name=shape]')!);
  render(options(SCHEMES, query.get('scheme')), form.querySelector<HTMLElement>('[name=scheme]')!);
  for (const name of ['profile', 'quick']) {
    form.querySelector<HTMLInputElement>(`[name=${name}]`)!.checked = query.has(name);
  }
}

async function run(query: URLSearchParams): Promise<BenchResult> {
  form.inert = true;
  try {
    const result = await runBench(parseOptions(query), {
      onProgress(what) {
        console.info(`${(performance.now() / 1000).toFixed(1)} s  ${what}`);
        status.textContent = `Measuring ${what} …`;
      },
      onResult: (sofar) => render(reportView(sections(sofar)), output),
    });
    console.info(textReport(sections(result)));
    status.textContent = 'Done.';
    download.href = URL.createObjectURL(new Blob([JSON.stringify(result, null, 1)], { type: 'application/json' }));
    download.hidden = false;
    return result;
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error);
    throw error;
  } finally {
    form.inert = false;
  }
}

const asked = new URLSearchParams(location.search);
fillChoices(asked);
if (asked.has('shape') || asked.has('model')) {
  window['__result'] = run(asked);
  window['__result'].catch(() => {}); // the page says it, and whoever awaits the promise hears it too
}
