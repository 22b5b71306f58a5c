// A model that the browser keeps, without loading one.

/**
 * Puts Lexicon's package where the engine keeps packages, with nothing in its shards. Runs in the page, alone, once the list
 * of models has been opened: that makes the database.
 */
export async function keepLexicon(): Promise<void> {
  const url = new URL('./models/lexicon/', location.href).href;
  const manifest = (await (await fetch(`${url}manifest.json`)).json()) as {
    files: Record<string, { sha256: string; bytes: number }>;
    shards: { sha256: string; bytes: number }[];
  };
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open('bamba-web');
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error ?? new Error('no reason given')));
  });
  const transaction = database.transaction(['packages', 'blobs', 'blobSizes'], 'readwrite');
  transaction.objectStore('packages').put({ url, manifest, savedAt: 0 });
  for (const { sha256, bytes } of [...Object.values(manifest.files), ...manifest.shards]) {
    transaction.objectStore('blobs').put(new ArrayBuffer(1), [url, sha256]);
    transaction.objectStore('blobSizes').put(bytes, [url, sha256]);
  }
  await new Promise((resolve) => {
    transaction.addEventListener('complete', resolve);
  });
  database.close();
}
