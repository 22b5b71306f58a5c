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
