// What a file of the origin's private file system would do for states: a worker reads it without asking anybody.

/** A file that is read and written at once: a type of workers alone, which that of the page's code lacks. */
interface SyncFile {
  read(into: Uint8Array<ArrayBuffer>, options: { at: number }): number;
  write(from: Uint8Array<ArrayBuffer>, options: { at: number }): number;
  flush(): void;
  close(): void;
}

/** In the worker: writes the pieces, reads them several times, and says how long that took. */
async function work(pieces: readonly Uint8Array<ArrayBuffer>[], runs: number): Promise<number[]> {
  const folder = await navigator.storage.getDirectory();
  const file = await folder.getFileHandle('measured', { create: true });
  const handle = await (
    file as FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncFile> }
  ).createSyncAccessHandle();
  try {
    let end = 0;
    for (const piece of pieces) end += handle.write(piece, { at: end });
    handle.flush();
    const times: number[] = [];
    for (let run = 0; run < runs; run++) {
      const start = performance.now();
      let at = 0;
      // Each into memory of its own, as the GPU's queue wants it.
      const read = pieces.map(({ length }) => {
        const bytes = new Uint8Array(length);
        at += handle.read(bytes, { at });
        return bytes;
      });
      if (at !== end || read.length !== pieces.length) throw new Error('The file is shorter than it was.');
      times.push(performance.now() - start);
    }
    return times;
  } finally {
    handle.close();
    await folder.removeEntry('measured');
  }
}

/** Median of the milliseconds that it takes to read these pieces out of a file. @throws Error where there are none */
export async function fileReadMs(pieces: readonly Uint8Array<ArrayBuffer>[], runs: number): Promise<number> {
  const code = `onmessage = ({ data }) => (${String(work)})(data.pieces, data.runs).then(
    (times) => postMessage({ times }),
    (error) => postMessage({ error: String(error) }),
  );`;
  const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
  try {
    const { times, error } = await new Promise<{ times?: number[]; error?: string }>((resolve, reject) => {
      worker.addEventListener('message', ({ data }: MessageEvent<{ times?: number[]; error?: string }>) =>
        resolve(data),
      );
      worker.addEventListener('error', ({ message }) => reject(new Error(message)));
      const port: Pick<MessagePort, 'postMessage'> = worker;
      port.postMessage({ pieces, runs });
    });
    if (!times) throw new Error(error);
    return times.toSorted((a, b) => a - b)[times.length >> 1]!;
  } finally {
    worker.terminate();
  }
}
