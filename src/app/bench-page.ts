import { html, render } from 'lit';
import { type Section, textReport } from '../bench/report.ts';
import { SHAPES } from '../bench/shapes.ts';
import { askToLoad } from './bench-consent.ts';
import { reportView } from './bench-view.ts';

declare global {
  interface Window {
    /** The result of the run that a page's address asked for. */
    __result?: Promise<unknown> | undefined;
  }
}

/** A shape that every device has room for. */
const FIRST_SHAPE = 'lexicon';

/** The measurement of a page, and its report. */
interface Measurement<Result> {
  /** To choose from. */
  schemes: readonly string[];
  /** Names of the form's checkboxes. */
  flags?: readonly string[];
  /** Names of query parameters; with any of them the measurement runs at once. */
  runsWith: readonly string[];
  /** Addresses of other sites that it would load from: a person is asked before. */
  foreign?: (query: URLSearchParams) => readonly string[];
  measure: (
    query: URLSearchParams,
    listeners: { onProgress: (what: string) => void; onResult: (sofar: Result) => void },
  ) => Promise<Result>;
  sections: (result: Result) => Section[];
}

/**
 * A page with a form of what to measure, which is in its address when it is sent, and a report. The page asks before it
 * loads anything from other sites.
 * @returns what the address asked for; undefined where it asked for nothing.
 */
export function measuringPage<Result>(measurement: Measurement<Result>): Promise<Result> | undefined {
  const { schemes, flags = [], runsWith, foreign = () => [], measure, sections } = measurement;
  const output = document.querySelector<HTMLElement>('#result')!;
  const status = document.querySelector<HTMLElement>('#status')!;
  const form = document.querySelector('form')!;
  const download = document.querySelector<HTMLAnchorElement>('#download')!;

  const fillChoices = (query: URLSearchParams): void => {
    const options = (names: readonly string[], chosen: string | null | undefined) =>
      names.map((name) => html`<option ?selected=${name === chosen}>${name}</option>`);
    const shape = query.get('shape')?.split(/[:,]/)[0] ?? FIRST_SHAPE;
    render(options(Object.keys(SHAPES), shape), form.querySelector<HTMLElement>('[name=shape]')!);
    render(options(schemes, query.get('scheme')), form.querySelector<HTMLElement>('[name=scheme]')!);
    for (const name of flags) form.querySelector<HTMLInputElement>(`[name=${name}]`)!.checked = query.has(name);
  };

  const run = async (query: URLSearchParams): Promise<Result> => {
    try {
      const addresses = foreign(query);
      if (addresses.length > 0) await askToLoad(addresses, output);
      form.inert = true;
      const result = await measure(query, {
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
  };

  const asked = new URLSearchParams(location.search);
  fillChoices(asked);
  if (!runsWith.some((name) => asked.has(name))) return undefined;
  const result = run(asked);
  result.catch(() => {}); // the page says it, and whoever awaits the promise hears it too
  return result;
}
