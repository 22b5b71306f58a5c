import { BambaError } from '../errors.ts';
import type { ShaderLibrary } from '../gpu/kernel.ts';

/**
 * The shaders that a model takes besides those of library.ts. They are fetched only where an option needs them. Not for
 * the engine's worker: a worker from a blob has no place to fetch from, and is handed them.
 * @throws BambaError `network`.
 */
export async function optionalShaders(options: {
  int8Activations?: boolean | undefined;
  subgroupMatrices?: boolean | undefined;
}): Promise<ShaderLibrary> {
  if (!options.int8Activations && !options.subgroupMatrices) return {};
  try {
    return (await import('./on-demand.ts')).onDemandShaders;
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new BambaError('network', `A part of the library could not be fetched: ${reason}. Reload the page.`, {
      cause,
    });
  }
}
