const METHODS = ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect'] as const;

/** Counts the dispatches that `work` has this page record. */
export async function countDispatches(work: () => Promise<unknown>): Promise<number> {
  const { prototype } = GPUComputePassEncoder;
  const originals = METHODS.map((name) => Object.getOwnPropertyDescriptor(prototype, name) ?? {});
  let count = 0;
  for (const [index, name] of METHODS.entries()) {
    const original = originals[index]!.value as (...given: unknown[]) => void;
    Object.defineProperty(prototype, name, {
      ...originals[index],
      value(this: GPUComputePassEncoder, ...given: unknown[]) {
        count++;
        original.apply(this, given);
      },
    });
  }
  try {
    await work();
  } finally {
    for (const [index, name] of METHODS.entries()) Object.defineProperty(prototype, name, originals[index]!);
  }
  return count;
}

const CHANNEL = 'bamba-web-bench-dispatches';

/** Runs before a worker's own script, and tells whoever asks how many dispatches the worker has recorded. */
const WORKER_PROLOGUE = `{
  let count = 0;
  const prototype = globalThis.GPUComputePassEncoder?.prototype ?? {};
  for (const name of ${JSON.stringify(METHODS)}) {
    const original = prototype[name];
    if (original) prototype[name] = function (...given) { count++; return original.apply(this, given); };
  }
  const channel = new BroadcastChannel(${JSON.stringify(CHANNEL)});
  channel.onmessage = ({ data }) => { if (data === 'count') channel.postMessage({ count }); };
};
`;

/** Workers that `start` starts from scripts of its own making can be asked for their dispatches. */
export async function withCountingWorkers<Result>(start: () => Promise<Result>): Promise<Result> {
  const createObjectUrl = URL.createObjectURL.bind(URL);
  URL.createObjectURL = (object) =>
    createObjectUrl(object instanceof Blob ? new Blob([WORKER_PROLOGUE, object], { type: object.type }) : object);
  try {
    return await start();
  } finally {
    URL.createObjectURL = createObjectUrl;
  }
}

/** Dispatches that the worker started last has recorded. */
export async function workerDispatches(): Promise<number> {
  const channel = new BroadcastChannel(CHANNEL);
  try {
    return await new Promise((resolve) => {
      channel.addEventListener('message', ({ data }: MessageEvent<{ count: number }>) => resolve(data.count));
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel reaches this origin alone
      channel.postMessage('count');
    });
  } finally {
    channel.close();
  }
}
