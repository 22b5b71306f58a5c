// Whether a model has room on this GPU, judged before anything is downloaded. No browser tells how much memory a GPU has. It
// does tell the largest buffer, which grows with that memory: a model that fits into one buffer fits.

import type { Scheme } from '../../engine/protocol.ts';
import type { ModelPreset } from './presets.ts';

/** The known facts about the GPU. */
export interface GpuFacts {
  /** The largest buffer that the browser gives, in bytes. */
  maxBufferBytes: number;
}

/** `fits`: the GPU has room. `unsure`: it may have. `unknown`: the browser tells nothing of a GPU. */
export type Fit = 'fits' | 'unsure' | 'unknown';

/** Asks the browser for its GPU; undefined where there is none. Never rejects. */
export async function readGpu(): Promise<GpuFacts | undefined> {
  try {
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
    return adapter ? { maxBufferBytes: adapter.limits.maxBufferSize } : undefined;
  } catch {
    // No WebGPU here.
    return undefined;
  }
}

/**
 * Whether a model in a type has room.
 *
 * @param bytes of its weights and its state together
 */
export function fitOf(bytes: number, gpu: GpuFacts | undefined): Fit {
  if (!gpu) return 'unknown';
  return bytes <= gpu.maxBufferBytes ? 'fits' : 'unsure';
}

/** The type to offer first: the preset's own first one, unless only another is known to fit. */
export function firstType({ sizes, stateBytes }: ModelPreset, gpu: GpuFacts | undefined): Scheme | undefined {
  const types = Object.entries(sizes) as [Scheme, number][];
  const fitting = types.find(([, bytes]) => fitOf(bytes + stateBytes, gpu) === 'fits');
  return (fitting ?? types[0])?.[0];
}
