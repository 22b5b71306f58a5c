import { loadModel } from '../../engine/loading/load.ts';
import { Gpu } from '../../gpu/device.ts';
import { forward } from '../../model/forward.ts';
import type { Model } from '../../model/model.ts';
import { GREEDY } from '../../sampling.ts';
import { measureDecode } from '../speed.ts';
import { type Contender, promptIds, type Runtime } from './contender.ts';
import { countDispatches } from './dispatches.ts';
import { ownPackage } from './own-package.ts';
import { randomMatrices } from './random-model.ts';

/** Ours. */
export function ownRuntime(options: { int8Activations: boolean }): Runtime {
  const { int8Activations } = options;
  return {
    name: 'bamba-web',
    format: (scheme) =>
      `${scheme === 'int8' ? 'int8, a scale a row' : 'int4, groups of 32'}; ` +
      (int8Activations ? 'prompts with int8 activations' : 'f32 activations'),
    async prepare({ architecture, scheme, contextLength }) {
      const source = ownPackage(architecture, scheme, randomMatrices(architecture, scheme));
      return async () => {
        const gpu = await Gpu.request();
        try {
          const model = await loadModel(gpu, source, { contextLength, int8Activations });
          return new OwnContender(gpu, model, source.manifest.stream.bytes);
        } catch (error) {
          gpu.dispose();
          throw error;
        }
      };
    },
  };
}

/** Tokens before those that are timed. */
const WARM_UP = 8;

class OwnContender implements Contender {
  readonly backend = 'WebGPU';
  readonly bytes: number;
  readonly #gpu: Gpu;
  readonly #model: Model;

  constructor(gpu: Gpu, model: Model, bytes: number) {
    this.#gpu = gpu;
    this.#model = model;
    this.bytes = bytes;
  }

  async logits(ids: readonly number[]): Promise<Float32Array> {
    const split = Math.ceil(ids.length / 2);
    this.#model.state.reset();
    await forward(this.#model, ids.slice(0, split));
    const { logits } = await forward(this.#model, ids.slice(split));
    return logits.slice(-this.#model.architecture.vocabSize);
  }

  async prefill(tokens: number): Promise<number> {
    const model = this.#model;
    model.state.reset();
    await this.#gpu.device.queue.onSubmittedWorkDone();
    const ids = promptIds(tokens, model.architecture.vocabSize);
    const start = performance.now();
    await model.prefill(ids, { logits: true });
    await model.beginAnswer({ values: GREEDY, limit: 1, stopIds: [], promptIds: ids });
    return (performance.now() - start) / 1000;
  }

  async decode(context: number, tokens: number): Promise<number> {
    const { secondsPerToken } = await measureDecode(this.#model, context, { runs: 1, tokens, warmUp: WARM_UP });
    return secondsPerToken;
  }

  dispatches(work: () => Promise<unknown>): Promise<number> {
    return countDispatches(work);
  }

  async dispose(): Promise<void> {
    this.#model.dispose();
    this.#gpu.dispose();
  }
}
