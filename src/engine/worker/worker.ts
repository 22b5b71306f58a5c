/**
 * The engine's worker as one file without imports, to be served where workers from blobs are not allowed, and named in
 * `createEngine({ worker })`. Pages do not import it.
 *
 * @module
 */

// One engine, called over comlink.

import { expose } from 'comlink';
import { EngineHost, type HostLoading } from './engine-host.ts';
import { LocalEngine } from '../local-engine.ts';
import { openModel } from '../loading/open-model.ts';
import type { LoadOptions } from './wire.ts';

/** A server that has nothing: what is stored is used without asking whether there is something newer. */
const NO_SERVER = async (): Promise<Response> => new Response(null, { status: 404 });

async function load(
  {
    contextLength,
    ropeScaling,
    precision,
    stateCacheBytes,
    storedStateBytes,
    kvCacheType,
    stateCacheType,
    batch,
    speculation,
    ...model
  }: LoadOptions,
  { signal, report, isLoaded }: HostLoading,
): Promise<LocalEngine> {
  const open = (tries: number) =>
    // After a loss an answer may be waiting: what it was begun with is stored, as a rule.
    openModel(model, { signal, onProgress: report, ...(isLoaded() && tries === 1 && { fetch: NO_SERVER }) });
  return LocalEngine.load(open, {
    signal,
    ...(contextLength !== undefined && { contextLength }),
    ...(ropeScaling !== undefined && { ropeScaling }),
    ...(precision !== undefined && { precision }),
    ...(stateCacheBytes !== undefined && { stateCacheBytes }),
    ...(storedStateBytes !== undefined && { storedStateBytes }),
    ...(kvCacheType !== undefined && { kvCacheType }),
    ...(stateCacheType !== undefined && { stateCacheType }),
    ...(batch !== undefined && { batch }),
    ...(speculation !== undefined && { speculation }),
    onMessage: (message) => report({ stage: 'manifest', message }),
    onCompiled: (loaded, total) => report({ stage: 'compile', loaded, total }),
  });
}

// The page's message is lost then, and the page would wait for an answer. An error that is thrown here reaches it.
addEventListener('messageerror', () => {
  throw new Error('A message from the page could not be read.');
});
expose(new EngineHost(load).api);
