import { BambaError } from '../errors.ts';
import type { CreateEngine } from './engines.ts';

/**
 * The engine that the element uses unless it is given another: this library's own. Its code is fetched only now, so
 * that the page is drawn before.
 *
 * @throws BambaError `webgpu_unavailable` where the browser has no WebGPU at all; else what `createEngine` throws.
 */
export const createDefaultEngine: CreateEngine = async (options) => {
  if (!('gpu' in navigator)) {
    throw new BambaError(
      'webgpu_unavailable',
      'This browser has no WebGPU. Use another browser, or switch WebGPU on as this page describes.',
    );
  }
  const { createEngine } = await import('../engine/client.ts');
  return createEngine(options);
};
