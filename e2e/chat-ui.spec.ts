// Asking and answering, on the page as it ships, with an engine that answers from a script.

import { release, requests, scriptEngine, words, type ScriptedAnswer } from './scripted-engine.ts';
import { ask, chat, expect, test } from './ui-test.ts';

/** The chat is kept under it, and its state as well. */
const CHAT_ID = expect.stringMatching(/^[0-9a-f]{24}$/) as unknown as string;
const APPLE = 'Apple (noun): fruit with red or yellow or green skin.';

test('streams an answer, and asks on with the chat so far', async ({ page }) => {
  await scriptEngine(page, {
    answers: { 'What is an apple?': { pieces: words(APPLE), delayMs: 5 }, '*': { pieces: ['It is a ', 'fruit.'] } },
  });
  await page.goto('/');
  const { answers, announced, input } = chat(page);
  await expect(page.getByText('34.9 M parameters · int8')).toBeVisible();
  await page.getByRole('button', { name: 'What is an apple?' }).click();
  await expect(answers).toHaveText(APPLE);
  // A screen reader hears the answer once, when it is whole.
  await expect(announced).toHaveText(APPLE);
  await expect(input).toBeFocused();
  await ask(page, 'What kind of thing is it?');
  await expect(answers.nth(1)).toHaveText('It is a fruit.');
  expect(await requests(page)).toEqual([
    { messages: [{ role: 'user', content: 'What is an apple?' }], conversation: CHAT_ID },
    {
      conversation: CHAT_ID,
      messages: [
        { role: 'user', content: 'What is an apple?' },
        { role: 'assistant', content: APPLE },
        { role: 'user', content: 'What kind of thing is it?' },
      ],
    },
  ]);
});

test('does not announce text while it streams', async ({ page }) => {
  await scriptEngine(page, { answers: { '*': { pieces: words('one two three four five six'), delayMs: 60 } } });
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  const heard = await page.evaluate(() => {
    const sentences: string[] = [];
    const region = document.querySelector('bamba-chat')?.shadowRoot?.querySelector('[role=status]');
    if (region) {
      new MutationObserver(() => sentences.push(region.textContent.trim())).observe(region, {
        childList: true,
        characterData: true,
        subtree: true,
      });
    }
    Object.assign(window, { heard: sentences });
    return sentences;
  });
  expect(heard).toEqual([]);
  await ask(page, 'Count.');
  await expect(chat(page).announced).toHaveText('one two three four five six');
  expect(await page.evaluate(() => (window as unknown as { heard: string[] }).heard)).toEqual([
    'Answering.',
    'one two three four five six',
  ]);
});

test('stops at once by Escape and by the button, keeps what had come, and asks on', async ({ page }) => {
  const slow: ScriptedAnswer = { pieces: words('The capital of Japan is Tokyo. '.repeat(40)), delayMs: 40 };
  await scriptEngine(page, { answers: { slow, '*': { pieces: ['Fine.'] } } });
  await page.goto('/');
  const { answers, announced, input, stop } = chat(page);
  await ask(page, 'slow');
  await expect(answers).toContainText('The capital');
  await page.keyboard.press('Escape');
  await expect(page.getByText('Stopped', { exact: true })).toBeVisible();
  await expect(announced).toHaveText('Stopped.');
  const kept = (await answers.textContent()) ?? '';
  expect(kept.length).toBeLessThan(900);
  await expect(input).toBeFocused();
  await ask(page, 'slow');
  await expect(answers.nth(1)).toContainText('The capital');
  await stop.click();
  await expect(page.getByText('Stopped', { exact: true })).toHaveCount(2);
  await expect(input).toBeFocused();
  // With the focus nowhere, Escape still stops.
  await ask(page, 'slow');
  await expect(answers.nth(2)).toContainText('The capital');
  await page.locator('.logo').click();
  await page.keyboard.press('Escape');
  await expect(page.getByText('Stopped', { exact: true })).toHaveCount(3);
  await ask(page, 'And now?');
  await expect(answers.nth(3)).toHaveText('Fine.');
  const last = (await requests(page)).at(-1);
  expect(last?.messages).toHaveLength(7);
  expect(last?.messages?.[1]?.content.trim()).toBe(kept.trim());
});

test('a question asked while the model loads waits for it, and can be taken back', async ({ page }) => {
  await scriptEngine(page, { holdLoad: true, answers: { '*': { pieces: ['Hello.'] } } });
  await page.goto('/');
  const { answers, input, stop, turns } = chat(page);
  await ask(page, 'Early?');
  await expect(page.getByText('Asked as soon as the model is ready', { exact: true })).toBeVisible();
  await stop.click();
  await expect(turns).toHaveCount(0);
  await expect(input).toHaveValue('Early?');
  await input.press('Enter');
  await expect(turns).toHaveCount(1);
  await release(page);
  await expect(answers).toHaveText('Hello.');
  expect(await requests(page)).toHaveLength(1);
});

test('a new chat begins from nothing, also while an answer is being written', async ({ page }) => {
  const slow: ScriptedAnswer = { pieces: words('on and on '.repeat(100)), delayMs: 30 };
  await scriptEngine(page, { answers: { slow, '*': { pieces: ['Fresh.'] } } });
  await page.goto('/');
  const { answers, newChat } = chat(page);
  await expect(newChat).toBeDisabled();
  await ask(page, 'slow');
  await expect(answers).toContainText('on and');
  await newChat.click();
  await expect(page.getByRole('button', { name: 'What is 27 + 14?' })).toBeVisible();
  await ask(page, 'New?');
  await expect(answers).toHaveText('Fresh.');
  expect((await requests(page))[1]).toEqual({ messages: [{ role: 'user', content: 'New?' }], conversation: CHAT_ID });
});

test('answers the last question anew', async ({ page }) => {
  await scriptEngine(page, { answers: { '*': [{ pieces: ['First.'] }, { pieces: ['Second.'] }] } });
  await page.goto('/');
  const { answers } = chat(page);
  await ask(page, 'What?');
  await expect(answers).toHaveText('First.');
  await page.getByRole('button', { name: 'Answer again' }).click();
  await expect(answers).toHaveText('Second.');
  expect((await requests(page))[1]).toEqual({ messages: [{ role: 'user', content: 'What?' }], conversation: CHAT_ID });
});

test('a question that fails comes back to the input with a sentence and a way on', async ({ page }) => {
  await scriptEngine(page, {
    answers: {
      '*': [{ pieces: [], fault: { code: 'network', message: 'The line is down; try again.' } }, { pieces: ['Now.'] }],
      long: { pieces: [], fault: { code: 'prompt_too_long', message: 'The chat is too long; begin a new one.' } },
    },
  });
  await page.goto('/');
  const { alert, answers, input, turns } = chat(page);
  await ask(page, 'Does it work?');
  await expect(alert).toContainText('The line is down; try again.');
  await expect(input).toHaveValue('Does it work?');
  await expect(input).toBeFocused();
  await expect(turns).toHaveCount(0);
  await alert.getByRole('button', { name: 'Try again' }).click();
  await expect(answers).toHaveText('Now.');
  await expect(input).toHaveValue('');
  await expect(alert).toHaveCount(0);
  await ask(page, 'long');
  await expect(alert).toContainText('The chat is too long; begin a new one.');
  await expect(turns).toHaveCount(1);
  await alert.getByRole('button', { name: 'New chat' }).click();
  await expect(turns).toHaveCount(0);
  await expect(input).toHaveValue('long');
});

test('a lost device keeps what had come, loads the model again and answers', async ({ page }) => {
  const lost = { code: 'device_lost', message: 'The GPU stopped; load the model again.' };
  await scriptEngine(page, { answers: { '*': [{ pieces: ['Some'], fault: lost }, { pieces: ['Everything.'] }] } });
  await page.goto('/');
  const { alert, answers } = chat(page);
  await ask(page, 'What?');
  await expect(alert).toContainText('The GPU stopped');
  await expect(answers).toHaveText('Some');
  await expect(page.getByText('Interrupted')).toBeVisible();
  await alert.getByRole('button', { name: 'Reload the model and try again' }).click();
  await expect(answers).toHaveText('Everything.');
  const probe = await page.evaluate(() => ({ ...window.engineProbe, release: undefined }));
  expect(probe.loads).toHaveLength(2);
  expect(probe.disposed).toBe(1);
});

test('Enter while an input method composes does not send', async ({ page }) => {
  await scriptEngine(page, { answers: { '*': { pieces: ['りんご'] } } });
  await page.goto('/');
  const { answers, input, turns } = chat(page);
  await input.click();
  const keys = await page.context().newCDPSession(page);
  await keys.send('Input.imeSetComposition', { text: 'りんご', selectionStart: 3, selectionEnd: 3 });
  await keys.send('Input.dispatchKeyEvent', {
    type: 'keyDown',
    key: 'Enter',
    code: 'Enter',
    windowsVirtualKeyCode: 229,
  });
  await keys.send('Input.insertText', { text: 'りんご' });
  await expect(input).toHaveValue('りんご');
  await expect(turns).toHaveCount(0);
  await input.press('Shift+Enter');
  await expect(turns).toHaveCount(0);
  await expect(input).toHaveValue('りんご\n');
  await input.press('Enter');
  await expect(answers).toHaveText('りんご');
  expect((await requests(page))[0]?.messages?.[0]?.content).toBe('りんご');
});

test('follows the end until the reader scrolls up, and returns when asked', async ({ page }) => {
  const long: ScriptedAnswer = { pieces: words('A line of its own.\n\n'.repeat(60)), delayMs: 12 };
  await scriptEngine(page, { answers: { '*': long } });
  await page.goto('/');
  const { jump, scroller } = chat(page);
  const rest = (): Promise<number> =>
    scroller.evaluate((box) => Math.round(box.scrollHeight - box.clientHeight - box.scrollTop));
  await ask(page, 'Many lines?');
  await expect.poll(() => scroller.evaluate((box) => box.scrollTop)).toBeGreaterThan(100);
  expect(await rest()).toBeLessThanOrEqual(60);
  await scroller.hover();
  await page.mouse.wheel(0, -300);
  await expect(jump).toBeVisible();
  const top = await scroller.evaluate((box) => box.scrollTop);
  await expect.poll(rest).toBeGreaterThan(600);
  expect(await scroller.evaluate((box) => box.scrollTop)).toBe(top);
  await jump.click();
  await expect(jump).toHaveCount(0);
  await expect.poll(rest).toBeLessThanOrEqual(60);
});
