import { type Architecture, attentionLayer } from '../../architecture/architecture.ts';
import { parseConfig } from '../../architecture/config.ts';

// What is particular about a model, in words: tests of a sample of models take one of each.

/** The architecture that a config.json says. */
export function architectureOf(config: object): Architecture {
  return parseConfig(new TextEncoder().encode(JSON.stringify(config))).architecture;
}

/** Kinds of what a sequence keeps, and of sublayers that keep several. */
export function stateTraits(architecture: Architecture): string[] {
  return architecture.blocks.flatMap((block, index) =>
    block.flatMap((sublayer) => {
      const { window } = attentionLayer(architecture, index);
      const keeps = sublayer
        .filter((branch) => branch !== 'swiglu' && branch !== 'relu2' && branch !== 'moe')
        .map((branch) => (branch === 'attention' && window ? 'window' : branch));
      return [...keeps, ...(keeps.length > 1 ? [keeps.join(' beside ')] : [])];
    }),
  );
}

/**
 * All that a model's programs depend on: each field that the architecture has, each word and truth that it says, which numbers
 * are 0 or 1 and which are no multiples of four, and what stands side by side. Not the family's name, which no program sees.
 */
export function architectureTraits(given: Architecture): string[] {
  const architecture = { ...given, family: '' };
  const { attention, gatedDelta, blocks } = architecture;
  return [
    ...valueTraits('', architecture),
    ...stateTraits(architecture),
    ...blocks.flatMap((block) => block.map((sublayer) => `side by side: ${sublayer.join()}`)),
    ...(attention ? [`attention: heads share keys: ${attention.heads > attention.kvHeads}`] : []),
    ...(gatedDelta ? [`gatedDelta: heads share keys: ${gatedDelta.valueHeads > gatedDelta.keyHeads}`] : []),
  ];
}

function valueTraits(path: string, value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => valueTraits(path, one));
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([name, one]) => valueTraits(`${path}.${name}`, one));
  }
  if (typeof value !== 'number') return [`${path}: ${String(value)}`];
  if (value === 0 || value === 1) return [`${path}: ${value}`];
  return [Number.isInteger(value) ? `${path}: integer, times 4: ${value % 4 === 0}` : `${path}: number`];
}
