import { BambaError } from '../errors.ts';
import type { TensorSource, TensorSpec } from '../weights/types.ts';
import { type Architecture, type Branch, isMixing, normName, type Sublayer } from './architecture.ts';
import { plain, vocabularyMatrix } from './block-tensors.ts';

/** How the checkpoints of a family name their tensors, and what is folded into them. */
export interface CheckpointLayout {
  embedding: string;
  finalNorm: string;
  head: string;
  /** Norm before a sublayer of the block of this number. */
  norm(block: number, sublayer: Sublayer): string;
  /** Tensors of a branch, `ours` being our name of the block of this number. */
  branches: Partial<Record<Branch, (ours: string, block: number) => TensorSpec[]>>;
  /** Applied to every name, for checkpoints that write some of them in another way. */
  alias?: (name: string) => string;
}

/**
 * Tensors of a package in the order of use, and what each is made of.
 * @throws BambaError `manifest_invalid` for a branch that no model of the family has.
 */
export function modelTensors(architecture: Architecture, layout: CheckpointLayout): TensorSpec[] {
  const { vocabSize: V, hiddenSize: C, blocks, tiedHead, family } = architecture;
  const specs = [vocabularyMatrix('embedding', [V, C], layout.embedding)];
  for (const [index, block] of blocks.entries()) {
    for (const sublayer of block) {
      specs.push(plain(normName(index, sublayer), [C], layout.norm(index, sublayer)));
      for (const kind of sublayer) {
        const tensors = layout.branches[kind];
        if (!tensors) throw new BambaError('manifest_invalid', `A model of type ${family} has no ${kind} branches.`);
        specs.push(...tensors(`blocks.${index}`, index));
      }
    }
  }
  specs.push(plain('final_norm', [C], layout.finalNorm));
  if (!tiedHead) specs.push(vocabularyMatrix('head', [V, C], layout.head));
  const { alias } = layout;
  if (!alias) return specs;
  const named = (source: TensorSource): TensorSource => {
    const other = alias(source.name);
    return other === source.name ? source : { ...source, aliases: [other] };
  };
  return specs.map((spec) => ({ ...spec, sources: spec.sources.map(named) }));
}

/** Names of a block's two norms. */
export function normOf(sublayer: Sublayer, names: { mixer: string; mlp: string }): string {
  return isMixing(sublayer) ? names.mixer : names.mlp;
}
