// The page that compares runtimes. An address with a shape runs at once, and the promise of the result is
// `window.__peers`: so the command and other programs take it.

import { html, render } from 'lit';
import { comparePeers } from '../bench/peers/compare.ts';
import { parsePeersOptions } from '../bench/peers/options.ts';
import { peersSections } from '../bench/peers/report.ts';
import type { PeersResult } from '../bench/peers/result.ts';
import { textReport } from '../bench/report.ts';
import { SHAPES } from '../bench/shapes.ts';
import { reportView } from './bench-view.ts';

declare global {
  interface Window {
    /** The result of the comparison that the address asked for. */
    __peers?: Promise<PeersResult>;
  }
}

const SCHEMES = ['int8', 'int4'];
/** What anybody's device has room for. */
const FIRST_SHAPE = 'lexicon';

const output = document.querySelector<HTMLElement>('#result')!;
const status = document.querySelector<HTMLElement>('#status')!;
const form = document.querySelector('form')!;
const download = document.querySelector<HTMLAnchorElement>('#download')!;

function fillChoices(query: URLSearchParams): void {
  const options = (names: readonly string[], chosen: string | null | undefined) =>
    names.map((name) => html`<option ?selected=${name === chosen}>${name}</option>`);
  const shape = query.get('shape')?.split(/[:,]/)[0] ?? FIRST_SHAPE;
  render(options(Object.keys(SHAPES), shape), form.querySelector<HTMLElement>('[name=shape]')!);
  render(options(SCHEMES, query.get('scheme')), form.querySelector<HTMLElement>('[name=scheme]')!);
}

async function run(query: URLSearchParams): Promise<PeersResult> {
  form.inert = true;
  try {
    const result = await comparePeers(parsePeersOptions(query), {
      onProgress(what) {
        console.info(`${(performance.now() / 1000).toFixed(1)} s  ${what}`);
        status.textContent = `Measuring ${what} …`;
      },
      onResult: (sofar) => render(reportView(peersSections(sofar)), output),
    });
    console.info(textReport(peersSections(result)));
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
if (asked.has('shape')) {
  window['__peers'] = run(asked);
  window['__peers'].catch(() => {}); // the page says it, and whoever awaits the promise hears it too
}
