import { sha256Hex } from '../../weights/sha256.ts';
import type { LoadOptions } from '../worker/wire.ts';
import { VERSION } from './version.ts';

// The names of Web Locks and channels by which tabs of one site find each other.

/** Names of what the tabs share that want the same engine. */
export interface SharedNames {
  /** The lock that the tab with the engine holds, and the channel where others ask for its service. */
  readonly engine: string;
  /** The beginning of the names of all versions of this library. */
  readonly anyVersion: string;
}

/**
 * The names of the engine that these options make. The token is not among them: what it opened is the site's by then.
 * Without `files`, which no other tab can be known to have.
 */
export async function sharedNames({ token: _token, files: _files, ...options }: LoadOptions): Promise<SharedNames> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const sorted = given.toSorted(([one], [other]) => (one < other ? -1 : 1));
  const key = await sha256Hex(new TextEncoder().encode(JSON.stringify(sorted)));
  const anyVersion = `bamba-web engine ${key} `;
  return { engine: anyVersion + VERSION, anyVersion };
}

/** The name of the channel between a tab and the worker of another one. @param id of the tab */
export function tabChannel(id: string): string {
  return `bamba-web tab ${id}`;
}

/** The name of the lock that a tab holds for as long as it uses another one's engine. @param id of the tab */
export function tabLife(id: string): string {
  return `bamba-web tab ${id} lives`;
}
