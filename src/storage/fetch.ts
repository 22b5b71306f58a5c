/** How to fetch: `fetch` itself, or what a test puts in its place. */
export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

/** Whether a server sent HTML, as many do with status 200 for any address, and Wi-Fi portals for all. */
export function isWebPage(response: Response): boolean {
  return response.headers.get('content-type')?.toLowerCase().startsWith('text/html') ?? false;
}
