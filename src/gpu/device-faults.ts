import { BambaError } from '../errors.ts';

// What can go wrong with a device, in our words. When the GPU's process dies, promises of the device reject with errors
// that name an operation, in any order, or never settle. The fate of the device says more than these.

/** How long a device that refuses something may take to say that it is lost. */
const LOSS_FOLLOWS_MS = 1000;

/** What is known of a device, and who waits for it. */
interface Watch {
  lost: Promise<BambaError>;
  loss: BambaError | null;
  waiting: Set<(loss: BambaError) => void>;
}

/** One listener for each device: a race of each promise with `device.lost` would add one more to it each time. */
const watches = new WeakMap<GPUDevice, Watch>();

function watch(device: GPUDevice): Watch {
  const known = watches.get(device);
  if (known) return known;
  const waiting: Watch['waiting'] = new Set();
  const lost = device.lost.then((info) => {
    const loss = lossError(info);
    made.loss = loss;
    for (const reject of waiting) reject(loss);
    waiting.clear();
    return loss;
  });
  const made: Watch = { lost, loss: null, waiting };
  watches.set(device, made);
  return made;
}

/** Resolves once, when the device is gone; `disposed` when that was our wish. */
export function lossOf(device: GPUDevice): Promise<BambaError> {
  return watch(device).lost;
}

/**
 * Settles as a promise of the device does, or rejects when the device is lost.
 * @param failed what it means when it rejects with the device still there, a sentence.
 * @throws BambaError `device_lost`, `disposed`, `gpu_failure`.
 */
export async function settled<Value>(device: GPUDevice, promise: Promise<Value>, failed: string): Promise<Value> {
  const { waiting, loss } = watch(device);
  let reject: (loss: BambaError) => void = () => {};
  const gone = new Promise<never>((_, refuse) => {
    reject = refuse;
  });
  if (loss) reject(loss);
  else waiting.add(reject);
  try {
    return await Promise.race([promise, gone]);
  } catch (error) {
    throw error instanceof BambaError ? error : await explained(device, error, failed);
  } finally {
    waiting.delete(reject);
  }
}

/** What an error that came of using a device means: its loss where it is lost, or about to be; else `gpu_failure`. */
export async function explained(device: GPUDevice, cause: unknown, failed: string): Promise<BambaError> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const none = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, LOSS_FOLLOWS_MS, null);
  });
  const loss = await Promise.race([lossOf(device), none]);
  clearTimeout(timer);
  return loss ?? new BambaError('gpu_failure', failed, { cause });
}

/** An error of a scope, or one that no scope caught. */
export function toGpuError(error: GPUError, what: string): BambaError {
  if (typeof GPUOutOfMemoryError !== 'undefined' && error instanceof GPUOutOfMemoryError) {
    return new BambaError(
      'out_of_memory',
      `The GPU ran out of memory at ${what}. Close other tabs and programs that use the GPU, ask for a shorter context, or choose a smaller model.`,
      { cause: error },
    );
  }
  return new BambaError('gpu_failure', `WebGPU refused ${what}: ${error.message}`, { cause: error });
}

function lossError({ reason, message }: GPUDeviceLostInfo): BambaError {
  if (reason === 'destroyed') return new BambaError('disposed', 'The engine was disposed. Create another one.');
  return new BambaError(
    'device_lost',
    `The GPU device was lost (${message || 'no reason given'}). Load the model again; ` +
      'if it happens again, close other programs that use the GPU.',
  );
}
