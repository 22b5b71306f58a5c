import { runBench } from '../bench/bench.ts';
import { parseOptions } from '../bench/options.ts';
import type { BenchResult } from '../bench/result.ts';

declare global {
  interface Window {
    /** The result of the run that the address asked for. */
    __result?: Promise<BenchResult>;
  }
}

const query = new URLSearchParams(location.search);
const options = parseOptions(query);
const output = document.querySelector('#bench');
if (options.targets.length > 0) {
  window['__result'] = runBench(options, {
    onProgress: (what) => console.info(`${(performance.now() / 1000).toFixed(1)} s  ${what}`),
    onResult: (result) => {
      if (output) output.textContent = JSON.stringify(result, null, 1);
    },
  });
}
