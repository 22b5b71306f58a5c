import { adapterName } from '../../engine/loading/adapter-name.ts';
import { BambaError } from '../../errors.ts';
import type { Rates } from '../../model/cost/seconds.ts';
import { runBench } from '../bench.ts';
import { parseOptions } from '../options.ts';
import { ratesOf, smallestStep } from './measured.ts';

/**
 * Measures what this adapter does at best, and the start of kernels with Lexicon in random weights, in seconds.
 * @param quick whether small and few measurements of a tiny model do, which mean little
 * @param onProgress told what is being measured
 * @returns the rates, and the adapter's name for people
 * @throws BambaError `webgpu_unavailable`, `out_of_memory`, `gpu_failure`
 */
export async function measureRates(
  quick: boolean,
  onProgress: (what: string) => void,
): Promise<{ rates: Rates; adapter: string }> {
  const query = new URLSearchParams({ shape: quick ? 'tiny' : 'lexicon', contexts: '16', prefills: '', load: '0' });
  if (quick) query.set('quick', '1');
  const result = await runBench(parseOptions(query), { onProgress });
  const measured = result.models.map((model) => {
    if ('error' in model) throw new BambaError('gpu_failure', model.error);
    return model;
  });
  return {
    rates: ratesOf(result.ceilings, smallestStep(measured, result.options.kvCacheType)),
    adapter: adapterName(result.adapter, result.userAgent),
  };
}
