import type { Page } from '@playwright/test';
import { chat, expect } from './ui-test.ts';

/** Loading and one answer take their time where the CPU plays the GPU. */
const LOADED = { timeout: 180_000 };
export const ANSWERED = { timeout: 120_000 };

/** Opens the page, or loads it again, and waits until Lexicon can answer. */
export async function openLexicon(page: Page, url = '/'): Promise<void> {
  await page.goto(url);
  await expect(page.getByText('34.9 M parameters · int8')).toBeVisible(LOADED);
}

/** The n-th answer, once it has ended. */
export async function answer(page: Page, index: number, patience = ANSWERED): Promise<string> {
  // Copying it, and what it took, stand below an answer once it has ended.
  await expect(chat(page).turns.nth(index).locator('.foot')).toBeVisible(patience);
  return chat(page).answers.nth(index).evaluate(drawnText, DRAWN_MS);
}

/** An answer that has not changed for so long is drawn: its last words are when frames have time for them. */
const DRAWN_MS = 1_000;

/** The text of an element, once nothing of it changes any longer. Runs in the page. */
function drawnText(element: Element, quietMs: number): Promise<string> {
  return new Promise((resolve) => {
    const end = (): void => {
      changes.disconnect();
      resolve(element.textContent.trim());
    };
    let timer = setTimeout(end, quietMs);
    const changes = new MutationObserver(() => {
      clearTimeout(timer);
      timer = setTimeout(end, quietMs);
    });
    changes.observe(element, { childList: true, characterData: true, subtree: true });
  });
}
