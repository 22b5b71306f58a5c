import { LocalEngine, type LocalEngineOptions } from '../../engine/local-engine.ts';
import type { StateEngine } from '../../engine/protocol.ts';
import { sharedGpu } from './shared-gpu.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { packGoldenModel, packTinyModel, TOOL_TEMPLATE } from '../models/tiny-model.ts';

/** The engine itself in this thread, with the tiny model and a template that shows tools. */
export async function loadTinyEngine(loading: LocalEngineOptions = {}): Promise<StateEngine> {
  return loadEngine(await packTinyModel({ template: TOOL_TEMPLATE }), loading);
}

/** As `loadTinyEngine`, with the golden of the tree, of which other programs have computed results. */
export async function loadGoldenEngine(loading: LocalEngineOptions = {}): Promise<StateEngine> {
  return loadEngine(await packGoldenModel('f32', { template: TOOL_TEMPLATE }), loading);
}

async function loadEngine(source: PackageSource, loading: LocalEngineOptions): Promise<StateEngine> {
  const engine = await LocalEngine.load(source, { gpu: { gpu: sharedGpu() }, ...loading });
  return {
    info: engine.info,
    generate: (request, options) => engine.generate(request, options),
    tune: (options) => engine.tune(options),
    countTokens: (input, options) => engine.countTokens(input, options),
    tokenize: (input, options) => engine.tokenize(input, options),
    detokenize: (ids, options) => engine.detokenize(ids, options),
    onStatus: (listener) => engine.onStatus(listener),
    exportState: (messages, options) => engine.exportState(messages, options),
    importState: (bytes, options) => engine.importState(bytes, options),
    dispose: async () => engine.dispose(),
  };
}
