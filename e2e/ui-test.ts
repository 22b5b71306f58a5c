// The common part of the page's tests. A test fails on an error in the console, such as a violation of the page's security
// policy. It also fails on an exception, and on a request to any server but the page's own.

import { expect, test as base, type Locator, type Page } from '@playwright/test';

/** The test function of the page's specs. */
export const test = base.extend<{ quietPage: undefined }>({
  quietPage: [
    async ({ page, baseURL }, use, testInfo) => {
      const noises: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error') noises.push(message.text());
      });
      page.on('pageerror', (error) => noises.push(String(error)));
      page.on('dialog', (dialog) => {
        noises.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on('request', (request) => {
        const { protocol } = new URL(request.url());
        if (protocol.startsWith('http') && !request.url().startsWith(baseURL ?? '')) {
          noises.push(`request to ${request.url()}`);
        }
      });
      await use(undefined);
      if (testInfo.status === 'passed' && noises.length > 0) {
        throw new Error(`The page was not quiet:\n${noises.join('\n')}`);
      }
    },
    { auto: true },
  ],
});

export { expect };

/** The name of a chat in requests: the chat and its state are kept under it. */
export const CHAT_ID = expect.stringMatching(/^[0-9a-f]{24}$/) as unknown as string;

/** The places of the page that tests look at. */
export function chat(page: Page): {
  input: Locator;
  send: Locator;
  stop: Locator;
  newChat: Locator;
  settings: Locator;
  turns: Locator;
  questions: Locator;
  answers: Locator;
  alert: Locator;
  announced: Locator;
  scroller: Locator;
  jump: Locator;
} {
  return {
    input: page.getByRole('textbox', { name: 'Your question' }),
    send: page.getByRole('button', { name: 'Send' }),
    stop: page.getByRole('button', { name: 'Stop', exact: true }),
    newChat: page.getByRole('button', { name: 'New chat' }),
    settings: page.getByRole('button', { name: 'Settings', exact: true }),
    turns: page.locator('bamba-turn'),
    questions: page.locator('.question p'),
    answers: page.locator('.answer .markdown'),
    alert: page.getByRole('alert'),
    announced: page.getByRole('status'),
    scroller: page.getByRole('region', { name: 'Conversation' }),
    jump: page.getByRole('button', { name: 'Jump to latest' }),
  };
}

/** Does as Chromium where a page can be installed. Runs in the page. */
export function offerInstallation(): void {
  const asked = new Event('beforeinstallprompt', { cancelable: true });
  dispatchEvent(Object.assign(asked, { prompt: () => Promise.resolve() }));
}

/** Waits until an answer has ended: it can be asked for again. */
export async function ended(page: Page): Promise<void> {
  await expect(page.getByRole('button', { name: 'Answer again' })).toBeVisible();
}

/** Opens the settings by the keyboard; where the header is narrow, they are in its menu. */
export async function openSettings(page: Page): Promise<void> {
  const more = page.getByRole('button', { name: 'More', exact: true });
  await expect(chat(page).settings.or(more).first()).toBeVisible();
  if (await more.isVisible()) await more.press('Enter');
  await chat(page).settings.press('Enter');
}

/** Types a question and sends it with Enter. */
export async function ask(page: Page, question: string): Promise<void> {
  await chat(page).input.fill(question);
  await chat(page).input.press('Enter');
}
