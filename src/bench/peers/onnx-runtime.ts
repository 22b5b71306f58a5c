import * as ort from 'onnxruntime-web/jspi';
import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url';
import { type Contender, type PeerModel, promptIds, type Runtime } from './contender.ts';
import { countDispatches } from './dispatches.ts';
import { OnnxFiles } from './onnx-files.ts';
import { INPUTS, onnxHybrid, type OnnxState, OUTPUTS } from './onnx-hybrid.ts';
import { randomMatrices } from './random-model.ts';

ort.env.wasm.wasmPaths = { wasm: wasmUrl };
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';

/**
 * ONNX Runtime Web on WebGPU, used as well as it can be. Operators are fused, keys and values in place. States and the
 * chosen id stay on the GPU, and nothing is awaited between tokens.
 */
export function onnxRuntime(accuracyLevel: 0 | 4): Runtime {
  return {
    name: `ONNX Runtime Web ${ort.env.versions.web ?? ''}`.trim(),
    format: (scheme) =>
      `MatMulNBits ${scheme === 'int8' ? 8 : 4} bits, blocks of 32, accuracy_level ${accuracyLevel}; f32 activations`,
    async prepare({ architecture, scheme, contextLength }: PeerModel) {
      const matrices = randomMatrices(architecture, scheme);
      const files = new OnnxFiles(matrices.values());
      const { model, states } = onnxHybrid(architecture, matrices, {
        contextLength,
        accuracyLevel,
        codes: (matrix) => files.codes(matrix),
        scales: (matrix) => files.scales(matrix),
      });
      const given = [...matrices.values()].map((matrix) => files.codes(matrix).bytes + files.scales(matrix).bytes);
      const bytes = given.reduce((sum, size) => sum + size, 0);
      const externalData = files.read();
      return async () => {
        const session = await ort.InferenceSession.create(model, {
          executionProviders: ['webgpu'],
          externalData,
          preferredOutputLocation: 'gpu-buffer',
          graphOptimizationLevel: 'all',
        });
        const device = await ort.env.webgpu.device;
        return new OnnxContender(session, device, states, { bytes, vocabSize: architecture.vocabSize });
      };
    },
  };
}

type Feeds = Record<string, ort.Tensor>;

class OnnxContender implements Contender {
  readonly backend = 'WebGPU';
  readonly bytes: number;
  readonly #session: ort.InferenceSession;
  readonly #device: GPUDevice;
  readonly #vocabSize: number;
  readonly #buffers: GPUBuffer[] = [];
  /** Two sets of states, read and written in turn; what is written in place is the same in both. */
  readonly #past: [Feeds, Feeds] = [{}, {}];
  readonly #present: [Feeds, Feeds] = [{}, {}];
  /** Ids that were chosen, in turn too. */
  readonly #ids: ort.Tensor[];
  readonly #logits: ort.Tensor;
  readonly #hasAttention: boolean;
  #turn = 0;

  constructor(
    session: ort.InferenceSession,
    device: GPUDevice,
    states: readonly OnnxState[],
    { bytes, vocabSize }: { bytes: number; vocabSize: number },
  ) {
    this.#session = session;
    this.#device = device;
    this.bytes = bytes;
    this.#vocabSize = vocabSize;
    this.#hasAttention = session.inputNames.includes(INPUTS.total);
    for (const { past, present, shape, inPlace } of states) {
      const first = this.#tensor('float32', shape);
      const second = inPlace ? first : this.#tensor('float32', shape);
      this.#past[0][past] = this.#present[1][present] = first;
      this.#past[1][past] = this.#present[0][present] = second;
    }
    this.#ids = [this.#tensor('int64', [1, 1]), this.#tensor('int64', [1, 1])];
    this.#logits = this.#tensor('float32', [1, 1, vocabSize]);
  }

  #tensor(dataType: 'float32' | 'int64', dims: number[]): ort.Tensor {
    const elements = dims.reduce((product, size) => product * size, 1);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const size = Math.ceil((elements * (dataType === 'int64' ? 8 : 4)) / 16) * 16;
    const buffer = this.#device.createBuffer({ label: 'peer', size, usage });
    this.#buffers.push(buffer);
    return ort.Tensor.fromGpuBuffer(buffer, { dataType, dims });
  }

  /** The states of no token at all. */
  #reset(): void {
    const encoder = this.#device.createCommandEncoder();
    for (const buffer of this.#buffers) encoder.clearBuffer(buffer);
    this.#device.queue.submit([encoder.finish()]);
    this.#turn = 0;
  }

  /** Runs ids on the host, or the one that was chosen last, at position `past`. */
  async #run(ids: readonly number[] | null, past: number, output: 'next' | 'logits'): Promise<void> {
    const turn = this.#turn % 2;
    const count = ids?.length ?? 1;
    const input = ids ? new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [1, count]) : this.#ids[1 - turn]!;
    const feeds: Feeds = { ...this.#past[turn], [INPUTS.ids]: input };
    if (this.#hasAttention) {
      feeds[INPUTS.last] = new ort.Tensor('int32', Int32Array.of(past + count - 1), [1]);
      feeds[INPUTS.total] = new ort.Tensor('int32', Int32Array.of(past + count), []);
    }
    const result = output === 'next' ? this.#ids[turn]! : this.#logits;
    await this.#session.run(feeds, { ...this.#present[turn], [OUTPUTS[output]]: result });
    this.#turn++;
  }

  async #read(tensor: ort.Tensor, bytes: number): Promise<ArrayBuffer> {
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = this.#device.createBuffer({ size: Math.ceil(bytes / 16) * 16, usage });
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(tensor.gpuBuffer, 0, staging, 0, bytes);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const data = staging.getMappedRange().slice(0, bytes);
    staging.destroy();
    return data;
  }

  /** Waits for the id that was chosen last. */
  async #lastId(): Promise<number> {
    return Number(new BigInt64Array(await this.#read(this.#ids[1 - (this.#turn % 2)]!, 8))[0]);
  }

  async logits(ids: readonly number[]): Promise<Float32Array> {
    this.#reset();
    // In two passes, so that the states that a pass leaves count too.
    const split = Math.ceil(ids.length / 2);
    await this.#run(ids.slice(0, split), 0, 'next');
    await this.#run(ids.slice(split), split, 'logits');
    return new Float32Array(await this.#read(this.#logits, this.#vocabSize * 4));
  }

  async prefill(tokens: number): Promise<number> {
    this.#reset();
    await this.#device.queue.onSubmittedWorkDone();
    const ids = promptIds(tokens, this.#vocabSize);
    const start = performance.now();
    await this.#run(ids, 0, 'next');
    await this.#lastId();
    return (performance.now() - start) / 1000;
  }

  async decode(context: number, tokens: number): Promise<number> {
    this.#reset();
    // Zeros take the place of the keys and values of a prompt of that length: what a token takes is the same.
    await this.#run(promptIds(1, this.#vocabSize), context - 1, 'next');
    await this.#lastId();
    const start = performance.now();
    for (let token = 0; token < tokens; token++) await this.#run(null, context + token, 'next');
    await this.#lastId();
    return (performance.now() - start) / 1000 / tokens;
  }

  dispatches(work: () => Promise<unknown>): Promise<number> {
    return countDispatches(work);
  }

  async dispose(): Promise<void> {
    await this.#session.release();
    for (const buffer of this.#buffers) buffer.destroy();
  }
}
