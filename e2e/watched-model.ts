// A model on the library's own page, in a worker that tests look into: what it holds of the GPU is counted, and its device can
// be destroyed. The library in it is the one that ships; what watches it is in the same worker.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { ALL } from '../src/testing/extent.ts';
import { serveQuickPackage } from './quick-package.ts';

const LEXICON = join(import.meta.dirname, '../public/models/lexicon');

/** Lexicon where everything is tested, else a model that a processor computes in no time. */
export const MODEL_NAME = ALL ? 'Lexicon' : 'a quick model';

/** Serves the model to a page as `/models/watched/`. */
export async function serveModel(page: Page): Promise<void> {
  const addresses = '**/models/watched/**';
  if (!ALL) {
    await serveQuickPackage(page, addresses);
    return;
  }
  await page.route(addresses, async (route) => {
    const name = new URL(route.request().url()).pathname.split('/').at(-1)!;
    const body = await readFile(join(LEXICON, name)).catch(() => undefined);
    await (body ? route.fulfill({ body }) : route.fulfill({ status: 404 }));
  });
}

declare global {
  interface Window {
    /** An engine that a test has begun to load. */
    chatting: ReturnType<Window['bamba']['createEngine']>;
    /** All workers that were started. */
    watched: Worker[];
    /** Has the device of the last worker destroyed. */
    destroyDevice: () => void;
    /** Bytes of all buffers on the last worker's GPU. */
    gpuBytes: () => Promise<number>;
  }
}

/** Has all workers of the page watched from now on. To be called before the page is opened. */
export async function watchWorkers(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const watch = (): void => {
      let device: GPUDevice | undefined;
      let bytes = 0;
      const { gpu } = navigator;
      const requestAdapter = gpu.requestAdapter.bind(gpu);
      gpu.requestAdapter = async (options) => {
        const adapter = await requestAdapter(options);
        if (adapter) {
          const requestDevice = adapter.requestDevice.bind(adapter);
          adapter.requestDevice = async (descriptor) => (device = count(await requestDevice(descriptor)));
        }
        return adapter;
      };
      /** Of this device, from now on. */
      const count = (counted: GPUDevice): GPUDevice => {
        bytes = 0;
        const createBuffer = counted.createBuffer.bind(counted);
        counted.createBuffer = (descriptor) => {
          const buffer = createBuffer(descriptor);
          const destroy = buffer.destroy.bind(buffer);
          let held = true;
          bytes += descriptor.size;
          buffer.destroy = () => {
            if (held && counted === device) bytes -= descriptor.size;
            held = false;
            destroy();
          };
          return buffer;
        };
        return counted;
      };
      addEventListener('message', ({ data }: MessageEvent<unknown>) => {
        if (data === 'destroy the device') device?.destroy();
        const { port } = (data ?? {}) as { port?: MessagePort };
        if (port) port.postMessage(bytes);
      });
    };
    const workers: Worker[] = [];
    window.watched = workers;
    window.Worker = class extends Worker {
      constructor(url: string | URL, options?: WorkerOptions) {
        // Both are there before the first message is heard.
        const code = `import ${JSON.stringify(String(url))};\n(${String(watch)})();`;
        super(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })), { ...options, type: 'module' });
        workers.push(this);
      }
    };
    window.destroyDevice = () => {
      const port: Pick<MessagePort, 'postMessage'> = workers.at(-1)!;
      port.postMessage('destroy the device');
    };
    window.gpuBytes = () =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.addEventListener('message', ({ data }: MessageEvent<number>) => resolve(data));
        port1.start();
        const worker: Pick<MessagePort, 'postMessage'> = workers.at(-1)!;
        worker.postMessage({ port: port2 }, [port2]);
      });
  });
}
