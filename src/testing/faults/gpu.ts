// Faults of a GPU: the n-th call of a scenario fails, finds no memory, or is the one at which the device is lost.
//
// What is counted is every call of an adapter, a device, its queue and its buffers that can fail or has to wait.

/** What happens to one call. */
export type GpuFault =
  /** The call throws or rejects, as when the process of the GPU is gone. */
  | 'refuse'
  /** The device is lost with this call, as after a reset of the driver. */
  | 'lose'
  /** There is no memory for what the call wants; the next error scope says so. */
  | 'out-of-memory';

/** All of them. */
export const GPU_FAULTS: readonly GpuFault[] = ['refuse', 'lose', 'out-of-memory'];

const DEVICE_CALLS: ReadonlySet<string> = new Set([
  'createBuffer',
  'createShaderModule',
  'createComputePipelineAsync',
  'createBindGroup',
  'createCommandEncoder',
  'popErrorScope',
]);
const QUEUE_CALLS: ReadonlySet<string> = new Set(['submit', 'writeBuffer', 'onSubmittedWorkDone']);
/** Calls that answer by a promise: they reject where the others throw. */
const PROMISED: ReadonlySet<string> = new Set([
  'requestAdapter',
  'requestDevice',
  'createComputePipelineAsync',
  'popErrorScope',
  'onSubmittedWorkDone',
  'mapAsync',
]);

type Call = (...args: unknown[]) => unknown;

/** A GPU that injects faults into every device that is asked of it. */
export class FaultyGpu {
  /** To be used in the place of `navigator.gpu`. */
  readonly gpu: GPU;
  /** Calls so far. */
  calls = 0;
  /** Faults that were met with so far. */
  injected = 0;
  /** Whether no adapter is given any more. */
  refusing = false;
  #at = 0;
  #fault: GpuFault | undefined;
  #memoryFault = false;
  #lose: () => void = () => {};

  constructor(gpu: GPU) {
    this.gpu = through(gpu, (name, call) => {
      if (name !== 'requestAdapter') return call;
      return async (...args) => {
        if (this.#next('requestAdapter') || this.refusing) return null;
        const adapter = (await call(...args)) as GPUAdapter | null;
        return adapter && this.#adapter(adapter);
      };
    });
  }

  /** Has the `n`-th call from now on meet with a fault, once; the first is 1. */
  injectAt(n: number, fault: GpuFault): void {
    this.clear();
    this.#at = n;
    this.#fault = fault;
  }

  /** No fault from now on. */
  clear(): void {
    this.calls = 0;
    this.#fault = undefined;
    this.#memoryFault = false;
  }

  /** Loses the device that was asked for last. */
  loseNow(): void {
    this.#lose();
  }

  #adapter(adapter: GPUAdapter): GPUAdapter {
    return through(adapter, (name, call) => {
      if (name !== 'requestDevice') return call;
      return async (...args) => {
        if (this.#next('requestDevice')) throw refusal();
        return this.#device((await call(...args)) as GPUDevice);
      };
    });
  }

  #device(device: GPUDevice): GPUDevice {
    // As of any device that is lost: what it is given it takes no notice of, and what is asked of it is refused.
    let isLost = false;
    const unlessLost =
      (name: string, call: Call): Call =>
      (...args) => {
        if (!isLost) return call(...args);
        return name === 'mapAsync' ? Promise.reject(refusal()) : undefined;
      };
    const queue = through(device.queue, (name, call) =>
      QUEUE_CALLS.has(name) ? unlessLost(name, this.#counted(name, call)) : call,
    );
    const lost = new Promise<GPUDeviceLostInfo>((resolve) => {
      void device.lost.then(resolve);
      this.#lose = () => {
        isLost = true;
        resolve({ reason: 'unknown', message: 'Injected.' } as GPUDeviceLostInfo);
        device.destroy();
      };
    });
    const wrapped = through(device, (name, call) => {
      if (!DEVICE_CALLS.has(name)) return call;
      const counted = this.#counted(name, call);
      if (name === 'createBuffer') return (...args) => this.#buffer(counted(...args) as GPUBuffer, unlessLost);
      if (name !== 'popErrorScope') return counted;
      return async (...args) => {
        const error = await counted(...args);
        if (!this.#memoryFault) return error;
        this.#memoryFault = false;
        return new GPUOutOfMemoryError('Injected.');
      };
    });
    return new Proxy(wrapped, {
      get: (target, name) => (name === 'queue' ? queue : name === 'lost' ? lost : Reflect.get(target, name)),
    });
  }

  #buffer(buffer: GPUBuffer, unlessLost: (name: string, call: Call) => Call): GPUBuffer {
    const mapAsync = unlessLost('mapAsync', this.#counted('mapAsync', buffer.mapAsync.bind(buffer) as Call));
    return Object.defineProperty(buffer, 'mapAsync', { value: mapAsync });
  }

  /** A call that may meet with a fault. */
  #counted(name: string, call: Call): Call {
    return (...args) => {
      const fault = this.#next(name);
      if (fault === 'refuse') {
        if (PROMISED.has(name)) return Promise.reject(refusal());
        throw refusal();
      }
      if (fault === 'lose') this.#lose();
      if (fault === 'out-of-memory') this.#memoryFault = true;
      return call(...args);
    };
  }

  #next(name: string): GpuFault | undefined {
    this.calls++;
    if (this.calls !== this.#at || !this.#fault) return undefined;
    const fault = this.#fault;
    // Before there is a device, there is none to lose.
    this.#fault = undefined;
    this.injected++;
    return name.startsWith('request') ? 'refuse' : fault;
  }
}

const refusal = (): DOMException => new DOMException('Injected.', 'OperationError');

/** An object of WebGPU whose methods are replaced by what `replace` makes of them; all else is the object's own. */
function through<Target extends object>(target: Target, replace: (name: string, call: Call) => Call): Target {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name, object);
      if (typeof value !== 'function') return value;
      return replace(String(name), value.bind(object) as Call);
    },
  });
}
