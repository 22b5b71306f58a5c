import { BambaError } from '../errors.ts';
import { stateBytes } from '../model/state.ts';
import type { PackageDescription } from '../storage/packages/package-source.ts';
import type { GpuSide } from './loading/gpu-side.ts';
import type { EngineInfo } from './protocol.ts';
import type { TextSide } from './prompts/text-side.ts';

/** The description of an engine. */
export function describeEngine(
  { name, parameters, scheme, suggestions }: PackageDescription,
  { gpu, model, ensemble, tuned }: GpuSide,
  text: TextSide,
): EngineInfo {
  const { vendor, architecture, description } = gpu.adapterInfo;
  const { f16, subgroups, timestamps, subgroupMatrices } = gpu.features;
  const features = Object.entries({ f16, subgroups, timestamps, subgroupMatrices }).filter(([, has]) => has);
  const { maxPositions } = model.architecture;
  const { cacheType: kvCacheType } = model.state;
  const { namedTokens } = text.tokenizer;
  const begin = namedTokens.bos_token ?? namedTokens.eos_token;
  const beginId = begin === undefined ? undefined : text.tokenizer.tokenToId(begin);
  const { fixed: fixedBytes, perToken: tokenBytes } = stateBytes(model.architecture, kvCacheType);
  return {
    model: {
      name,
      parameters,
      scheme,
      bytes: model.bytes.weights,
      contextLength: model.contextLength,
      ...(model.contextLength > maxPositions && { configLength: maxPositions }),
      hasChatTemplate: text.template.exists,
      ...(beginId !== undefined && { beginId }),
      ...(suggestions && { suggestions }),
      context: { kvCacheType, fixedBytes, tokenBytes },
    },
    adapter: { vendor, architecture, description, features: features.map(([feature]) => feature), tuned },
    ...(ensemble.most > 1 && { atOnce: ensemble.most }),
    ...(ensemble.lookup && { speculation: 'lookup' }),
    sampling: text.defaults.sampling,
    warnings: text.warnings,
  };
}

/**
 * An answer that goes on after a loss is the same model's: its server may have another one by then.
 * @throws BambaError `checkpoint_changed`
 */
export function requireSame(before: PackageDescription, now: PackageDescription): void {
  if (fingerprint(before) === fingerprint(now) && sameShards(before, now)) return;
  throw new BambaError(
    'checkpoint_changed',
    `${before.name} changed where it comes from since it was loaded. Load the model again.`,
  );
}

function fingerprint({ name, scheme, architecture, tensors }: PackageDescription): string {
  return JSON.stringify([name, scheme, architecture, tensors]);
}

/** A package that was being made had no hashes yet. */
function sameShards(before: PackageDescription, now: PackageDescription): boolean {
  const hash = (shard: { bytes: number; sha256?: string } | undefined) => shard?.sha256;
  return before.shards.every((shard, index) => {
    const [one, other] = [hash(shard), hash(now.shards[index])];
    return one === undefined || other === undefined || one === other;
  });
}
