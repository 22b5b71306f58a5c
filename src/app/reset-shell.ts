// Getting the page's files anew: those that are kept are let go, and the browser's own cache is told of the new ones.
// Chats, models and settings are kept elsewhere, and stay.

import { formerCacheName, shellCacheName } from './shell-cache.ts';

/** The page itself. */
const PAGE = './';

/**
 * Offers to get the page's files anew.
 *
 * @param place has a button, and a status line for what is wrong
 * @param done called once the page is to be opened again
 */
export function offerReset(place: ParentNode, done: () => void): void {
  const button = place.querySelector('button');
  const said = place.querySelector('[role=status]');
  const reset = async (): Promise<void> => {
    if (button) button.disabled = true;
    const wrong = await resetShell();
    if (button) button.disabled = false;
    if (said) said.textContent = wrong ?? '';
    if (wrong === undefined) done();
  };
  button?.addEventListener('click', () => void reset());
}

/**
 * Lets go of the service worker and of the files that it keeps, once it is sure that there are others.
 *
 * @returns what is wrong, as a sentence; undefined where all went well, and the page is to be opened again
 */
async function resetShell(): Promise<string | undefined> {
  const scope = new URL(PAGE, document.baseURI).href;
  let page: string;
  try {
    page = await fetchAnew(scope);
  } catch {
    return 'The server cannot be reached, so nothing was removed. Try again with a network.';
  }
  try {
    await (await navigator.serviceWorker?.getRegistration(scope))?.unregister();
    for (const name of [shellCacheName(scope), formerCacheName(scope)]) await caches.delete(name);
  } catch {
    return 'The browser does not let this page remove its files. Remove this site’s data in the browser’s settings.';
  }
  await Promise.all(filesOf(page, scope).map((address) => fetchAnew(address).catch(() => undefined)));
  return undefined;
}

/** Past all caches, which then have what came. @throws where nothing came */
async function fetchAnew(address: string): Promise<string> {
  const response = await fetch(address, { cache: 'reload', signal: AbortSignal.timeout(30_000) });
  if (!response.ok) throw new Error(`The server answers ${response.status}.`);
  return response.text();
}

/** The files that a page names in its head. */
function filesOf(page: string, scope: string): string[] {
  const parsed = new DOMParser().parseFromString(page, 'text/html');
  const named = [...parsed.querySelectorAll('script[src], link[rel=stylesheet], link[rel=modulepreload]')];
  const addresses = named.map(
    (node) => new URL(node.getAttribute('src') ?? node.getAttribute('href') ?? '', scope).href,
  );
  return addresses.filter((address) => address.startsWith(scope));
}
