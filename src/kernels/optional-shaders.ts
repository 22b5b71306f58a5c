import { BambaError } from '../errors.ts';
import type { ShaderLibrary } from '../gpu/kernel.ts';

/**
 * The shaders that a model may take besides those of library.ts: for options, and for families that the worker is built
 * without. Not to be called in the engine's worker: a worker from a blob has no place to fetch from, and asks the page.
 * @throws BambaError `network`.
 */
export async function fetchShaders(): Promise<ShaderLibrary> {
  try {
    const { onDemandShaders, familyShaders } = await import('./on-demand.ts');
    return { ...onDemandShaders, ...familyShaders };
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new BambaError('network', `A part of the library could not be fetched: ${reason}. Reload the page.`, {
      cause,
    });
  }
}

/** Those that options need, outside of a worker. @throws BambaError `network`. */
export async function optionalShaders(options: {
  int8Activations?: boolean | undefined;
  subgroupMatrices?: boolean | undefined;
}): Promise<ShaderLibrary> {
  return options.int8Activations || options.subgroupMatrices ? fetchShaders() : {};
}
