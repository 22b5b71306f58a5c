// The models that the browser keeps, and the room that it gives this site.

import type { Availability, StoredModel } from '../../engine/protocol.ts';
import type { ModelChoice } from './model-choice.ts';

/** Storage of this site, as far as the browser tells. */
export interface StorageFacts {
  usedBytes: number | undefined;
  quotaBytes: number | undefined;
  /** Whether the browser has promised not to clear it by itself. */
  persisted: boolean;
}

/** Where kept models are listed and deleted, and others are looked at. */
export interface ModelStore {
  /** Finds out whether a model can be loaded, and what is to be downloaded for it; rejects as `availability` does. */
  find(choice: ModelChoice, signal: AbortSignal): Promise<Availability>;
  list(): Promise<StoredModel[]>;
  delete(id: string): Promise<void>;
  /** Bytes of the stored states of chats. */
  stateBytes(): Promise<number>;
  /** Deletes these states. The text stays, and the model reads it again when a chat goes on. */
  deleteStates(): Promise<void>;
}

/** This library's own store. Its code is fetched only when it is asked. */
export const browserModels: ModelStore = {
  async find(choice, signal) {
    const { availability } = await import('../../engine/client.ts');
    return availability({ ...choice, signal });
  },
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
