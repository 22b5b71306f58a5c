import type { ConfigReader } from './config-reader.ts';

/** How configs name the mixers: published ones, and those that transformers 5 saves. */
export const MIXER_NAMES = {
  mamba: 'mamba2',
  linear_attention: 'mamba2',
  attention: 'attention',
  full_attention: 'attention',
} as const;

/** More blocks than any model has. */
export const MOST_LAYERS = 1024;

/** A list of kinds, and the field that it was read from. */
export interface LayerList<Kind> {
  field: string;
  kinds: Kind[];
}

/**
 * Kinds of the layers as `layer_types` or `layers_block_type` list them.
 * @param names what each name stands for.
 * @throws BambaError `config_invalid` for a name that is none of these.
 */
export function readLayerTypes<Kind>(config: ConfigReader, names: Readonly<Record<string, Kind>>): LayerList<Kind>[] {
  return ['layer_types', 'layers_block_type'].flatMap((field) => {
    const list = config.list(field);
    if (!list) return [];
    if (list.length > MOST_LAYERS) throw config.invalid(field, `has to have at most ${MOST_LAYERS} entries`);
    const kinds = list.map((name) => {
      const kind = typeof name === 'string' && Object.hasOwn(names, name) ? names[name] : undefined;
      if (kind === undefined) throw config.invalid(field, `can hold ${Object.keys(names).join(', ')}`);
      return kind;
    });
    return [{ field, kinds }];
  });
}

/**
 * The one list that several fields have to agree on; null where there is none.
 * @throws BambaError `config_invalid` where they do not, or it has another length than `num_hidden_layers` says.
 */
export function agreed<Kind>(config: ConfigReader, lists: readonly LayerList<Kind>[]): Kind[] | null {
  const count = config.optionalCount('num_hidden_layers', { most: MOST_LAYERS });
  const [first, ...others] = lists;
  if (!first) return null;
  for (const { field, kinds } of lists) {
    if (count !== undefined && kinds.length !== count) {
      throw config.invalid(field, `has to have num_hidden_layers (${count}) entries`);
    }
  }
  for (const { field, kinds } of others) {
    const same = kinds.length === first.kinds.length && kinds.every((kind, i) => kind === first.kinds[i]);
    if (!same) throw config.invalid(field, `contradicts ${first.field}`);
  }
  return first.kinds;
}
