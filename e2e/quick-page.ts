// The page with a quick model in the place of Lexicon, for what is the same with any model.

import type { PageServer } from './page-server.ts';

/** Has the elements of a page say these attributes, besides their own. */
export async function setAttributes(server: PageServer, path: string, attributes: string): Promise<void> {
  await server.revise(path, (text) => text.replaceAll(/<bamba-chat\s/g, `<bamba-chat ${attributes} `));
}

/**
 * Serves another package in the place of Lexicon's. The page asks for few tokens, and for the same each time: such a model
 * comes to no end by itself.
 */
export async function servePackage(server: PageServer, files: Record<string, Uint8Array>): Promise<void> {
  for (const [name, bytes] of Object.entries(files)) server.put(`/models/lexicon/${name}`, bytes);
  await setAttributes(server, '/index.html', 'max-tokens="8" temperature="0"');
}
