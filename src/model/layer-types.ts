import type { Architecture } from './architecture.ts';
import type { ConfigReader } from './config-reader.ts';

type Mixer = Architecture['blocks'][number];

/** How configs name the mixers: published ones, and those that transformers 5 saves. */
const MIXERS: Readonly<Record<string, Mixer>> = {
  mamba: 'mamba2',
  linear_attention: 'mamba2',
  attention: 'attention',
  full_attention: 'attention',
};

/**
 * Mixer of each of `count` blocks: from `layer_types` or `layers_block_type`, or from `attn_layer_indices`. Where
 * several are given they have to agree.
 * @throws BambaError `config_invalid`.
 */
export function readLayers(config: ConfigReader, count: number): Mixer[] {
  const found: { field: string; blocks: Mixer[] }[] = [];
  for (const field of ['layer_types', 'layers_block_type']) {
    const list = config.list(field);
    if (list) found.push({ field, blocks: fromNames(config, field, list, count) });
  }
  const indices = config.list('attn_layer_indices');
  if (indices) found.push({ field: 'attn_layer_indices', blocks: fromIndices(config, indices, count) });
  const [first, ...others] = found;
  if (!first) return Array.from({ length: count }, () => 'mamba2');
  for (const { field, blocks } of others) {
    if (blocks.some((mixer, i) => mixer !== first.blocks[i])) throw config.invalid(field, `contradicts ${first.field}`);
  }
  return first.blocks;
}

function fromNames(config: ConfigReader, field: string, list: unknown[], count: number): Mixer[] {
  if (list.length !== count) throw config.invalid(field, `has to have num_hidden_layers (${count}) entries`);
  return list.map((name) => {
    const mixer = typeof name === 'string' && Object.hasOwn(MIXERS, name) ? MIXERS[name] : undefined;
    if (!mixer) throw config.invalid(field, `can hold ${Object.keys(MIXERS).join(', ')}`);
    return mixer;
  });
}

function fromIndices(config: ConfigReader, indices: unknown[], count: number): Mixer[] {
  const valid = (index: unknown) => Number.isSafeInteger(index) && (index as number) >= 0 && (index as number) < count;
  if (!indices.every(valid)) throw config.invalid('attn_layer_indices', `has to hold layer numbers below ${count}`);
  const attention = new Set(indices);
  return Array.from({ length: count }, (_, i) => (attention.has(i) ? 'attention' : 'mamba2'));
}
