interface Entry {
  url: string;
  revision: string | null;
  size: number;
  integrity?: string;
}

/** Gives each file of a service worker's list the hash of its bytes in `folder`; Workbox calls it with the list. */
export function withIntegrity(folder: string): (entries: Entry[]) => Promise<{ manifest: Entry[]; warnings: string[] }>;
