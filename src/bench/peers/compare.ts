import { Gpu } from '../../gpu/device.ts';
import type { Architecture } from '../../architecture/architecture.ts';
import { SHAPES } from '../shapes.ts';
import { median } from '../timing.ts';
import { checkedLogits, logitDifference } from './agreement.ts';
import type { Contender, Runtime } from './contender.ts';
import type { PeersOptions, RuntimeName } from './options.ts';
import type { PeerScheme } from './random-model.ts';
import type { Figure, PeersModelResult, PeersResult, RuntimeResult } from './result.ts';
import { RUNTIMES } from './runtimes.ts';

/** What is known so far, as it becomes known. */
export interface PeersEvents {
  onProgress?: (what: string) => void;
  onResult?: (result: PeersResult) => void;
}

/**
 * Gives models with random weights, the same bit for bit, to our runtime and others, one after the other in this page,
 * and measures each. First each shows on a small model that it computes what ours does.
 * @throws BambaError `webgpu_unavailable`.
 */
export async function comparePeers(options: PeersOptions, events: PeersEvents = {}): Promise<PeersResult> {
  const gpu = await Gpu.request();
  const { vendor, architecture, device, description } = gpu.adapterInfo;
  const features = [...gpu.device.features].toSorted();
  gpu.dispose();
  const result: PeersResult = {
    format: 'bamba-web-peers',
    version: 1,
    date: new Date().toISOString(),
    userAgent: navigator.userAgent,
    adapter: { vendor, architecture, device, description },
    features,
    crossOriginIsolated: globalThis.crossOriginIsolated,
    options,
    models: [],
  };
  const comparison = new Comparison(options, events);
  for (const { shape, scheme } of options.targets) {
    const model: PeersModelResult = { name: `${shape} ${scheme}`, runtimes: [] };
    result.models.push(model);
    for (const runtime of options.runtimes) {
      model.runtimes.push(await comparison.measure(runtime, SHAPES[shape], scheme, `${shape} ${scheme}`));
      events.onResult?.(result);
    }
  }
  return result;
}

/** Tokens of the prompt of a first answer, and those that dispatches are counted over. */
const FIRST_PROMPT = 16;
const COUNTED = 8;

/** Room for warming up. */
const SPARE_TOKENS = 64;

class Comparison {
  readonly #options: PeersOptions;
  readonly #events: PeersEvents;
  readonly #differences = new Map<string, Promise<number | null>>();
  readonly #references = new Map<PeerScheme, Promise<Float32Array>>();

  constructor(options: PeersOptions, events: PeersEvents) {
    this.#options = options;
    this.#events = events;
  }

  async measure(
    runtimeName: RuntimeName,
    architecture: Architecture,
    scheme: PeerScheme,
    model: string,
  ): Promise<RuntimeResult> {
    const { prefills, contexts, tokens, patienceS } = this.#options;
    const runtime = await RUNTIMES[runtimeName]();
    const untried = { error: 'not tried' };
    const result: RuntimeResult = {
      name: runtime.name,
      format: runtime.format(scheme),
      backend: null,
      bytes: 0,
      difference: null,
      load: untried,
      firstToken: untried,
      prefill: prefills.map((count) => ({ tokens: count, figure: untried })),
      decode: contexts.map((context) => ({ context, figure: untried })),
      dispatchesPerToken: null,
    };
    let load: () => Promise<Contender>;
    try {
      this.#events.onProgress?.(`${model}, ${runtimeName}: whether it computes the same`);
      result.difference = await this.#difference(runtimeName, runtime, scheme);
      this.#events.onProgress?.(`${model}, ${runtimeName}: weights`);
      const contextLength = Math.max(...prefills, ...contexts, FIRST_PROMPT) + tokens + SPARE_TOKENS;
      load = await runtime.prepare({ architecture, scheme, contextLength });
    } catch (error) {
      return { ...result, load: failure(error) };
    }
    let gone = false;
    /** One step; after one that fails or takes too long the runtime is of no more use. */
    const step = async (what: string, times: number, work: () => Promise<number>): Promise<Figure> => {
      if (gone) return untried;
      this.#events.onProgress?.(`${model}, ${runtimeName}: ${what}`);
      try {
        return await withinPatience(patienceS, times, work);
      } catch (error) {
        gone = true;
        return failure(error);
      }
    };
    let contender: Contender | undefined;
    result.load = await step('loading', 1, async () => {
      const start = performance.now();
      contender = await load();
      return (performance.now() - start) / 1000;
    });
    if (!contender) return result;
    const { backend, bytes } = contender;
    Object.assign(result, { backend, bytes });
    await this.#figures(contender, result, step);
    await contender.dispose().catch(() => {}); // it has done its work, and a lost device has nothing to free
    return result;
  }

  async #figures(
    contender: Contender,
    result: RuntimeResult,
    step: (what: string, times: number, work: () => Promise<number>) => Promise<Figure>,
  ): Promise<void> {
    const { runs, tokens } = this.#options;
    result.firstToken = await step('first token', 1, () => contender.prefill(FIRST_PROMPT));
    for (const row of result.decode) {
      row.figure = await step(`decode at ${row.context}`, runs, () => contender.decode(row.context, tokens));
    }
    for (const row of result.prefill) {
      // The first compiles and allocates for that length. Where it takes long, that is not what takes long.
      const first = await step(`prefill of ${row.tokens}`, 1, () => contender.prefill(row.tokens));
      const again = () => contender.prefill(row.tokens);
      const slow = 'error' in first || first.seconds > this.#options.patienceS / 4;
      row.figure = slow ? first : await step(`prefill of ${row.tokens}`, runs, again);
    }
    await step('dispatches', 1, async () => {
      const count = (steps: number) => contender.dispatches(() => contender.decode(FIRST_PROMPT, steps));
      const [less, more] = [await count(COUNTED), await count(2 * COUNTED)];
      if (less !== null && more !== null) result.dispatchesPerToken = (more - less) / COUNTED;
      return 0;
    });
  }

  /**
   * Of a runtime's logits from ours, once for each way that weights are stored. Ours computes them too: each has then run
   * a small model in this page before it is timed.
   */
  #difference(name: RuntimeName, runtime: Runtime, scheme: PeerScheme): Promise<number | null> {
    const key = `${name} ${scheme}`;
    let difference = this.#differences.get(key);
    if (!difference) {
      const reference = this.#references.get(scheme) ?? RUNTIMES.own().then((own) => checkedLogits(own, scheme));
      this.#references.set(scheme, reference);
      difference = name === 'own' ? reference.then(() => null) : logitDifference(runtime, scheme, reference);
      this.#differences.set(key, difference);
    }
    return difference;
  }
}

function failure(error: unknown): { error: string } {
  return { error: error instanceof Error ? error.message : String(error) };
}

/** The median of some runs of `work`, which gives seconds; of fewer where there is no time for another. */
async function withinPatience(patienceS: number, times: number, work: () => Promise<number>): Promise<Figure> {
  const start = performance.now();
  const runs: number[] = [];
  for (let last = 0; runs.length < times;) {
    const begun = (performance.now() - start) / 1000;
    if (runs.length > 0 && begun + last > patienceS) break;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`no end within ${patienceS} s`);
      timer = setTimeout(reject, patienceS * 1000, error);
    });
    try {
      runs.push(await Promise.race([work(), late]));
    } finally {
      clearTimeout(timer);
    }
    last = (performance.now() - start) / 1000 - begun;
  }
  return { seconds: median(runs), runs };
}
