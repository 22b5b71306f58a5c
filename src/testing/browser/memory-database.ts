import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterAll, beforeAll } from 'vitest';

/**
 * Gives the tests of a suite an IndexedDB of their own, in memory. It goes with them: test files share a process, and others
 * are to find nothing kept.
 */
export function useMemoryDatabase(): void {
  beforeAll(() => {
    globalThis.indexedDB = new IDBFactory();
  });
  afterAll(() => void Reflect.deleteProperty(globalThis, 'indexedDB'));
}
