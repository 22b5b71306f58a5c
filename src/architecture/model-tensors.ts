import { BambaError } from '../errors.ts';
import type { TensorSource, TensorSpec } from '../weights/types.ts';
import {
  type Architecture,
  type Branch,
  isMixing,
  normName,
  normsOf,
  postNormName,
  type Sublayer,
} from './architecture.ts';
import { plain, vocabularyMatrix } from './block-tensors.ts';

/** How the checkpoints of a family name their tensors, and what is folded into them. */
export interface CheckpointLayout {
  embedding: string;
  /** Null where norms have no weights. */
  finalNorm: string | null;
  head: string;
  /** Norm before a sublayer of the block of this number. */
  norm(block: number, sublayer: Sublayer): string | null;
  /** Norm behind a sublayer of the block of this number, where there are such. */
  postNorm?(block: number, sublayer: Sublayer): string;
  /** Whether the weights of these norms are stored as what they are beyond 1. */
  normsFromOne?: boolean;
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
  const norm = (name: string, source: string | null) => specs.push(...normTensors(architecture, layout, name, source));
  for (const [index, block] of blocks.entries()) {
    const { before, after } = normsOf(architecture, index);
    for (const sublayer of block) {
      if (before) norm(normName(index, sublayer), layout.norm(index, sublayer));
      for (const kind of sublayer) {
        const tensors = layout.branches[kind];
        if (!tensors) throw new BambaError('manifest_invalid', `A model of type ${family} has no ${kind} branches.`);
        specs.push(...tensors(`blocks.${index}`, index));
      }
      if (after) norm(postNormName(index, sublayer), layout.postNorm?.(index, sublayer) ?? null);
    }
  }
  norm('final_norm', layout.finalNorm);
  if (!tiedHead) specs.push(vocabularyMatrix('head', [V, C], layout.head));
  const { alias } = layout;
  if (!alias) return specs;
  const named = (source: TensorSource): TensorSource => {
    const other = alias(source.name);
    return other === source.name ? source : { ...source, aliases: [other] };
  };
  return specs.map((spec) => ({ ...spec, sources: spec.sources.map(named) }));
}

/** A norm of the stream: its weight, of ones where the checkpoint has none, and for LayerNorm its bias. */
function normTensors(
  { hiddenSize: C, norm }: Architecture,
  { normsFromOne = false }: CheckpointLayout,
  name: string,
  source: string | null,
): TensorSpec[] {
  const weight = plain(name, [C], source);
  const specs: TensorSpec[] = [source === null || normsFromOne ? { ...weight, map: 'add_one' } : weight];
  if (norm !== 'layer') return specs;
  return [...specs, plain(`${name}_bias`, [C], source === null ? null : source.replace(/weight$/, 'bias'))];
}

/** Names of a block's two norms. */
export function normOf(sublayer: Sublayer, names: { mixer: string; mlp: string }): string {
  return isMixing(sublayer) ? names.mixer : names.mlp;
}
