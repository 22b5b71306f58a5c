import type { Runtime } from './contender.ts';
import type { RuntimeName } from './options.ts';
import { ownRuntime } from './own-runtime.ts';

/** The runtimes by their names. The packages of others are loaded when they are asked for. */
export const RUNTIMES: Readonly<Record<RuntimeName, () => Promise<Runtime>>> = {
  own: async () => ownRuntime({ int8Activations: false }),
  'own-int8': async () => ownRuntime({ int8Activations: true }),
  onnx: () => onnx(4),
  'onnx-f32': () => onnx(0),
  async wllama() {
    const { wllamaRuntime } = await import('./wllama-runtime.ts');
    return wllamaRuntime();
  },
};

async function onnx(accuracyLevel: 0 | 4): Promise<Runtime> {
  const { onnxRuntime } = await import('./onnx-runtime.ts');
  return onnxRuntime(accuracyLevel);
}
