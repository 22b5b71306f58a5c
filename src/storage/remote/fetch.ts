/** How to fetch: `fetch` itself, or what a test puts in its place. */
export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

/** Whether a server sent HTML, as many do with status 200 for any address, and Wi-Fi portals for all. */
export function isWebPage(response: Response): boolean {
  return response.headers.get('content-type')?.toLowerCase().startsWith('text/html') ?? false;
}

/** The range in a part's header; null where the header is missing or makes no sense. */
export function contentRange({ headers }: Response): { begin: number; end: number; total?: number } | null {
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
  if (first === undefined) return null;
  return { begin: Number(first), end: Number(last) + 1, ...(total !== '*' && { total: Number(total) }) };
}

/** A validator that changes with a file: its ETag, or else its date; null where the server tells neither. */
export function validatorOf({ headers }: Response): string | null {
  // A proxy that compresses makes a weak one of it, and the file is the same.
  return headers.get('etag')?.replace(/^W\//, '') ?? headers.get('last-modified');
}

/** Whether the length of an answer is not that of the file. */
export function isEncoded({ headers }: Response): boolean {
  return (headers.get('content-encoding') ?? 'identity') !== 'identity';
}
