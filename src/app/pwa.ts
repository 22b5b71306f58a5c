// The page as an app: kept for visits without a network, updated when the person says so, installed when they want it.

import { registerSW } from 'virtual:pwa-register';

/** Chromium's question whether to install, which is asked when a button is pressed. */
interface InstallPromptEvent extends Event {
  prompt(): Promise<unknown>;
}

/**
 * Keeps the page for visits without a network. A newer version waits until the person takes it: whoever is in the middle
 * of an answer is not interrupted.
 *
 * @param bar shown when there is a newer version; its buttons are `[data-take]` and `[data-later]`
 */
export function keepPage(bar: HTMLElement): void {
  const takeUpdate = registerSW({
    onNeedRefresh() {
      bar.hidden = false;
    },
    onRegisteredSW(_url, registration) {
      // An app that stays open for days looks for a newer version whenever it comes back into sight.
      document.addEventListener('visibilitychange', () => {
        if (!document.hidden) registration?.update().catch(() => undefined); // offline: another time
      });
    },
  });
  bar.querySelector('[data-take]')?.addEventListener('click', () => void takeUpdate());
  bar.querySelector('[data-later]')?.addEventListener('click', () => {
    bar.hidden = true;
  });
}

/**
 * Offers to install the page where the browser can.
 *
 * @param button shown while installing is possible
 */
export function offerInstallation(button: HTMLButtonElement): void {
  let question: InstallPromptEvent | undefined;
  addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault();
    question = event as InstallPromptEvent;
    button.hidden = false;
  });
  button.addEventListener('click', () => {
    void question?.prompt();
    // The browser asks once for each of its events.
    button.hidden = true;
  });
  addEventListener('appinstalled', () => {
    button.hidden = true;
    // A person who installs the page wants to keep its model.
    void navigator.storage?.persist();
  });
}
