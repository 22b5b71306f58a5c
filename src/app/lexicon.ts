import { formatNumber } from '../element/format.ts';
import type { ModelPreset } from '../element/models/presets.ts';

/** The model that comes with the page. */
export const LEXICON: ModelPreset = {
  model: './models/lexicon/',
  name: 'Lexicon',
  about: `The pocket dictionary of this page: ${formatNumber(37_216)} English words, learned by heart.`,
  licence: 'Apache 2.0, WordNet 3.0',
  parameters: 34_900_000,
  downloadBytes: 35_400_000,
  sizes: { int8: 35_400_000 },
  stateBytes: 4_500_000,
  chats: true,
  // Those of its manifest, which the first screen shows before the model is loaded.
  suggestions: [
    ['What is an apple?', 'What kind of thing is it?'],
    ['What is the capital of France?', 'And its currency?', 'What about Spain?'],
    ['What is the symbol of iron?', 'And its atomic number?', 'What about silver?'],
    ['What is 27 + 14?', 'plus 3?', 'minus 20?'],
  ],
};
