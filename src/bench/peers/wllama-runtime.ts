import { LoggerWithoutDebug, type RawCompletionParams, Wllama } from '@wllama/wllama/esm/index.js';
import wasmUrl from '@wllama/wllama/esm/wasm/wllama.wasm?url';
import { BambaError } from '../../errors.ts';
import { type Contender, type PeerModel, promptIds, type Runtime } from './contender.ts';
import { withCountingWorkers, workerDispatches } from './dispatches.ts';
import { FIRST_WORD, ggufHybrid, spellToken } from './gguf-hybrid.ts';
import { randomMatrices } from './random-model.ts';

/** llama.cpp in the browser: on WebGPU where the adapter has `shader-f16`, else on the CPU, as it decides itself. */
export function wllamaRuntime(): Runtime {
  return {
    name: `wllama 3.8.1 (llama.cpp ${Wllama.getLibllamaVersion()})`,
    format: (scheme) => `${scheme === 'int8' ? 'Q8_0' : 'Q4_0, embedding and head Q8_0'}, blocks of 32 with f16 scales`,
    async prepare({ architecture, scheme, contextLength }: PeerModel) {
      const file = ggufHybrid(architecture, randomMatrices(architecture, scheme));
      const adapter = await navigator.gpu?.requestAdapter();
      const onGpu = adapter?.features.has('shader-f16') ?? false;
      return async () => {
        const wllama = new Wllama({ default: new URL(wasmUrl, location.href).href }, { logger: QUIET });
        // Nothing comes from a CDN.
        wllama.setCompat(null);
        // It reads a file by size, slice and arrayBuffer alone.
        const settings = { n_ctx: contextLength, n_gpu_layers: onGpu ? 99 : 0, n_parallel: 1, warmup: false };
        await withCountingWorkers(() => wllama.loadModel([file as unknown as Blob], settings));
        return new WllamaContender(wllama, architecture.vocabSize, { bytes: file.size, onGpu });
      };
    },
  };
}

const QUIET = { ...LoggerWithoutDebug, log: () => {}, warn: () => {} };

/** What a completion says of its own speed. */
interface Timings {
  prompt_n: number;
  prompt_ms: number;
  predicted_n: number;
  predicted_ms: number;
}

interface TopLogprob {
  id: number;
  logprob: number;
}

class WllamaContender implements Contender {
  readonly backend: string;
  readonly bytes: number;
  readonly #wllama: Wllama;
  readonly #vocabSize: number;
  readonly #onGpu: boolean;

  constructor(wllama: Wllama, vocabSize: number, { bytes, onGpu }: { bytes: number; onGpu: boolean }) {
    this.#wllama = wllama;
    this.#vocabSize = vocabSize;
    this.#onGpu = onGpu;
    this.bytes = bytes;
    const threads = wllama.getNumThreads();
    this.backend = onGpu
      ? 'WebGPU'
      : `CPU, ${threads} thread${threads === 1 ? '' : 's'}: the adapter has no shader-f16`;
  }

  async #complete(ids: readonly number[], tokens: number, more: object = {}) {
    return this.#wllama.createCompletion({
      prompt: ids.map(spellToken).join(''),
      max_tokens: tokens,
      temperature: 0,
      top_k: 1,
      cache_prompt: false,
      ignore_eos: true,
      stream: false,
      ...more,
    } as RawCompletionParams & { stream: false });
  }

  /** Reads a prompt of `count` tokens that a text can have, and answers. */
  async #timings(count: number, tokens: number): Promise<Timings> {
    const ids = promptIds(count, this.#vocabSize - FIRST_WORD).map((id) => id + FIRST_WORD);
    const { timings } = await this.#complete(ids, tokens);
    if (!timings || timings.prompt_n !== count) {
      throw new BambaError('gpu_failure', `wllama read ${timings?.prompt_n ?? 'no'} tokens of ${count}.`);
    }
    return timings;
  }

  /** It tells logarithms of probabilities: logits but for a constant. Ids from 259 on only. */
  async logits(ids: readonly number[]): Promise<Float32Array> {
    const completion = await this.#complete(ids, 1, { n_probs: this.#vocabSize, logprobs: this.#vocabSize });
    // Its types have OpenAI's older form, its answers the newer, with ids.
    const told = completion.choices[0]?.logprobs as { content?: { top_logprobs: TopLogprob[] }[] } | undefined;
    const logits = new Float32Array(this.#vocabSize).fill(NaN);
    for (const { id, logprob } of told?.content?.[0]?.top_logprobs ?? []) logits[id] = logprob;
    return logits;
  }

  async prefill(tokens: number): Promise<number> {
    const { prompt_ms: ms } = await this.#timings(tokens, 1);
    return ms / 1000;
  }

  async decode(context: number, tokens: number): Promise<number> {
    const timings = await this.#timings(context, tokens);
    return timings.predicted_ms / 1000 / timings.predicted_n;
  }

  async dispatches(work: () => Promise<unknown>): Promise<number | null> {
    if (!this.#onGpu) return null;
    const before = await workerDispatches();
    await work();
    return (await workerDispatches()) - before;
  }

  async dispose(): Promise<void> {
    await this.#wllama.exit();
  }
}
