// Several elements on one engine: what is asked at once is answered at once.

import { goldenChat } from '../src/testing/models/golden-chats.ts';
import { ALL } from '../src/testing/extent.ts';
import { serveQuickPackage } from './quick-package.ts';
import { expect, test } from './ui-test.ts';

/** What came of a question: the text, and how many had begun to answer when the first of them ended. */
interface Outcome {
  answers: string[];
  tokens: number[];
  underWay: number;
}

/** Asks elements of the page at once, each its question. Runs in the page. */
async function askAll(questions: string[]): Promise<Outcome> {
  const elements = [...document.querySelectorAll('bamba-chat')];
  const hasBegun = ({ messages }: (typeof elements)[0]) => {
    const last = messages.at(-1);
    return last?.role === 'assistant' && last.content !== '';
  };
  let underWay = 0;
  const answers = await Promise.all(
    questions.map(async (question, index) => {
      const answer = await elements[index]!.ask(question);
      underWay ||= elements.filter(hasBegun).length;
      return answer;
    }),
  );
  return {
    answers: answers.map(({ answer }) => answer),
    tokens: answers.map(({ usage }) => usage?.completionTokens ?? 0),
    underWay,
  };
}

/** New chats in the place of those of the page. They share its engine. */
async function renew(attributes: Record<string, string>): Promise<void> {
  const ready = [];
  const old = [...document.querySelectorAll('bamba-chat')];
  for (let index = 0; index < 3; index++) {
    const element = document.createElement('bamba-chat');
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    ready.push(new Promise((resolve) => element.addEventListener('bamba-ready', resolve, { once: true })));
    document.body.append(element);
  }
  await Promise.all(ready);
  for (const element of old) element.remove();
}

const ATTRIBUTES = { model: '../models/lexicon/', without: 'history models settings', temperature: '0' };

test('three elements answer at once on one engine, each as it would alone', async ({ page }) => {
  test.setTimeout(300_000);
  await serveQuickPackage(page, '**/models/lexicon/**');
  await page.goto('/examples/two.html');
  const attributes = { ...ATTRIBUTES, 'max-tokens': '80' };
  const questions = ['One?', 'Another one?', 'And a third?'];
  const alone: string[] = [];
  for (const question of questions) {
    await page.evaluate(renew, attributes);
    const { answers } = await page.evaluate(askAll, [question]);
    alone.push(answers[0]!);
  }
  await page.evaluate(renew, attributes);
  const together = await page.evaluate(askAll, questions);
  expect(together).toEqual({ answers: alone, tokens: [80, 80, 80], underWay: 3 });
});

test('three elements ask Lexicon at once, and each has its answer', async ({ page }) => {
  test.skip(!ALL, 'Lexicon takes long where the CPU plays the GPU.');
  test.setTimeout(900_000);
  await page.goto('/examples/two.html');
  await page.evaluate(renew, ATTRIBUTES);
  const asked = ['What is a flornup?', 'What is 27 + 14?', 'What is the capital of France?'];
  const { answers } = await page.evaluate(askAll, asked);
  expect(answers.slice(0, 2)).toEqual(asked.slice(0, 2).map((question) => goldenChat(question)[0]!.answer));
  expect(answers[2]).toBe('The capital of France is Paris.');
});
