// The page with a quick model in the place of Lexicon, for what is the same with any model.

import { quickCheckpoint, quickPackage } from '../src/testing/quick-model.ts';
import type { PageServer } from './page-server.ts';

/** 25 MB: a full shard, and another. */
const LARGER = { hidden_size: 256, intermediate_size: 1024, num_hidden_layers: 7 };

/** Serves it, and has the page ask for a few tokens, and always for the same: the model comes to no end, and has none. */
export async function serveQuickModel(server: PageServer): Promise<void> {
  const { files } = await quickPackage('quick', quickCheckpoint(LARGER));
  for (const [name, bytes] of Object.entries(files)) server.put(`/models/lexicon/${name}`, bytes);
  const settings = 'max-tokens="8" temperature="0"';
  await server.revise('/index.html', (text) => text.replace('<bamba-chat ', `<bamba-chat ${settings} `));
}
