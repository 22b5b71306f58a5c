// What the browser keeps of models, and how much room it gives this site.

import type { StoredModel } from '../../engine/protocol.ts';

/** Storage of this site, as far as the browser tells. */
export interface StorageFacts {
  usedBytes: number | undefined;
  quotaBytes: number | undefined;
  /** Whether the browser has promised not to clear it by itself. */
  persisted: boolean;
}

/** Where kept models are listed and deleted. */
export interface ModelStore {
  list(): Promise<StoredModel[]>;
  delete(id: string): Promise<void>;
  /** Bytes of what is kept of chats beside their text. */
  stateBytes(): Promise<number>;
  /** Deletes that: the text stays, and is read again when a chat goes on. */
  deleteStates(): Promise<void>;
}

/** This library's own store. Its code is fetched only when it is asked. */
export const browserModels: ModelStore = {
  async list() {
    const { storedModels } = await import('../../engine/client.ts');
    return storedModels();
  },
  async delete(id) {
    const { deleteStoredModel } = await import('../../engine/client.ts');
    await deleteStoredModel(id);
  },
  async stateBytes() {
    const { storedStates } = await import('../../engine/client.ts');
    return (await storedStates()).reduce((sum, { bytes }) => sum + bytes, 0);
  },
  async deleteStates() {
    const { deleteStoredStates } = await import('../../engine/client.ts');
    await deleteStoredStates();
  },
};

/** Asks the browser about storage. */
export async function storageFacts(): Promise<StorageFacts> {
  try {
    const [{ usage, quota }, persisted] = await Promise.all([
      navigator.storage.estimate(),
      navigator.storage.persisted(),
    ]);
    return { usedBytes: usage, quotaBytes: quota, persisted };
  } catch {
    // An insecure page, a sandboxed frame, an older browser.
    return { usedBytes: undefined, quotaBytes: undefined, persisted: false };
  }
}

/** Asks the browser to keep what is stored until the person deletes it; false when it does not promise that. */
export async function askToKeep(): Promise<boolean> {
  try {
    return await navigator.storage.persist();
  } catch {
    return false;
  }
}
