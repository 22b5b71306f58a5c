// Texts that mean no good, as answers that stream in and as answers of a chat that is kept: the page goes on, no task takes
// long, and the text is there to be read.

import type { Page } from '@playwright/test';
import { every } from '../src/testing/extent.ts';
import { scriptEngine } from './scripted-engine.ts';
import { ask, chat, expect, test } from './ui-test.ts';

/** No task of the page may take longer, in milliseconds of the processor: who else uses it makes little difference. */
const LONGEST_TASK_MS = 200;

const nested = (lines: number, item: (depth: number) => string): string =>
  Array.from({ length: lines }, (_, depth) => item(depth)).join('\n');

const HOSTILE: Record<string, string> = {
  'quotes in each other': `${'>'.repeat(3000)} deep end`,
  'quotes in each other, spaced': `${'> '.repeat(3000)}deep end`,
  'a list of 642 kB in each other': nested(1130, (depth) => `${' '.repeat(depth)}- item ${depth}`),
  'a list in each other, two columns a level': nested(800, (depth) => `${'  '.repeat(depth)}- item ${depth}`),
  'lists on one line': `${'- '.repeat(5000)}deep end`,
  'numbers on one line': `${'1. '.repeat(5000)}deep end`,
  'emphasis in each other': `${'*a **b '.repeat(5000)}deep end`,
  'stars without end': '*'.repeat(50_000),
  'underscores without end': '_a'.repeat(30_000),
  'a table of 10,000 cells': ['a', '--', ...Array.from({ length: 1000 }, (_, row) => row)]
    .map((row) => `|${` ${row} |`.repeat(10)}`)
    .join('\n'),
  'a table of 2,000 columns': `|${' a |'.repeat(2000)}\n|${' -- |'.repeat(2000)}\n|${' b |'.repeat(2000)}`,
  '100,000 links': '[a](https://example.org/) '.repeat(100_000),
  '100,000 links, a line each': '[a](https://example.org/)\n'.repeat(100_000),
  '100,000 bare links': 'https://example.org/a '.repeat(100_000),
  '100,000 references': `${'[a][r] '.repeat(100_000)}\n\n[r]: https://example.org/`,
  '100,000 definitions': Array.from({ length: 100_000 }, (_, i) => `[r${i}]: https://example.org/${i}`).join('\n'),
  'one line of 5 MB': 'word '.repeat(1_000_000),
  'one word of 5 MB': 'x'.repeat(5_000_000),
  'code without end': `\`\`\`js\n${'let x = "y" + 1;\n'.repeat(60_000)}`,
  'code on one line of 5 MB': `\`\`\`\n${'x'.repeat(5_000_000)}`,
  'many tags': '<div><b><i>'.repeat(100_000),
  'tags that do not end': '<a '.repeat(100_000),
  'comments that do not end': '<!--'.repeat(100_000),
  'runs of backticks': Array.from({ length: 700 }, (_, i) => '`'.repeat(i)).join(' '),
  'beginnings of images': '!['.repeat(100_000),
  'beginnings of links': '['.repeat(100_000),
  'ends of links': '[a]('.repeat(100_000),
  backslashes: '\\'.repeat(200_000),
  entities: '&amp;'.repeat(200_000),
  addresses: 'a.b@c.d '.repeat(100_000),
  'half addresses': 'a.'.repeat(100_000),
  tildes: '~~a'.repeat(100_000),
  headings: '# a\n'.repeat(100_000),
  paragraphs: 'a\n\n'.repeat(200_000),
  rules: '---\n'.repeat(100_000),
  tasks: '- [ ] a\n'.repeat(50_000),
  'loose items': '- a\n\n'.repeat(50_000),
  'empty lines': '\n'.repeat(1_000_000),
  spaces: ' '.repeat(1_000_000),
  tabs: '\t'.repeat(500_000),
  'combining marks': `a${'\u0301'.repeat(100_000)}`,
  'marks on every letter': `a${'\u0301'.repeat(40)}`.repeat(2500),
  'letters that join, each with its vowel': '\u0628\u064e'.repeat(50_000),
  'characters of no width': `a${'\u200c'.repeat(100_000)}`,
  directions: '\u202e\u2066a'.repeat(50_000),
  'code of many words': `\`\`\`js\n${'a="b"+1;'.repeat(3300)}\n\`\`\``,
  'code of many lines': `\`\`\`python\n${'if x: "y" # z\n'.repeat(2000)}\n\`\`\``,
  'markup that does not end, in code': `\`\`\`xml\n${'<a b="'.repeat(4900)}\n\`\`\``,
  '300 pieces of code': '```js\nlet x = 1;\n```\n\n'.repeat(300),
  '100,000 formulas': '$x^2$ '.repeat(100_000),
  '100,000 formulas, a line each': '\\(\\frac{a}{b}\\)\n'.repeat(100_000),
  'paragraphs of formulas': `${'$x^2$ '.repeat(95)}\n\n`.repeat(13),
  'formulas on lines of their own': '$$\n\\sqrt{x}\n$$\n\n'.repeat(400),
  'a formula of many letters': `$$\n${'x+'.repeat(600)}x\n$$`,
  'fractions in each other': `$$\n${'\\frac{1}{'.repeat(18)}x${'}'.repeat(18)}\n$$`,
  'fractions in each other, too deep': `$$\n${'\\frac{1}{'.repeat(200)}x${'}'.repeat(200)}\n$$`,
  'roots in each other': `$$\n${'\\sqrt{'.repeat(36)}x${'}'.repeat(36)}\n$$`,
  'macros that grow': `$$\n\\def\\a{${'x'.repeat(2000)}}${'\\a'.repeat(150)}\n$$`,
  'a table of formulas': `$$\n\\begin{matrix}${`${'a&'.repeat(29)}a\\\\`.repeat(15)}\\end{matrix}\n$$`,
  'dollars without end': '$'.repeat(100_000),
  'beginnings of formulas': '$a '.repeat(50_000),
  'an answer of 30 MB':
    'A **sentence** of an answer that goes on and on, with `code` and [a link](https://a.b/).\n\n'.repeat(330_000),
};

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  /** Time of the thread itself, in microseconds. */
  tdur?: number;
  args: { name?: string };
}

/** The longest task of the page while `act` is done and all is drawn, in milliseconds of the processor. */
async function longestTask(page: Page, act: () => Promise<void>): Promise<number> {
  const browser = page.context().browser();
  if (!browser) throw new Error('The page has no browser of its own.');
  await browser.startTracing(page, { categories: ['toplevel'] });
  await act();
  // Until the answer has not changed for a while, and the page has had time for more.
  let before = -1;
  await expect
    .poll(
      async () => {
        const now = await page.evaluate(async () => {
          const root = document.querySelector('bamba-chat')?.shadowRoot;
          for (let frame = 0; frame < 20; frame++) await new Promise(requestAnimationFrame);
          return root?.querySelectorAll('.markdown *:not(.plain)').length ?? 0;
        });
        const same = now === before;
        before = now;
        return same;
      },
      { timeout: 120_000 },
    )
    .toBe(true);
  const { traceEvents } = JSON.parse(String(await browser.stopTracing())) as { traceEvents: TraceEvent[] };
  const thread = ({ pid, tid }: TraceEvent): string => `${pid}:${tid}`;
  const main = new Set(traceEvents.filter(({ args }) => args.name === 'CrRendererMain').map(thread));
  const tasks = traceEvents.filter((event) => main.has(thread(event))).map(({ tdur = 0 }) => tdur / 1000);
  expect(tasks.length).toBeGreaterThan(10);
  return Math.max(...tasks);
}

const names = every(2, Object.keys(HOSTILE));
const GROUPS = [0, 1, 2, 3].map((group) => names.filter((_, index) => index % 4 === group));

for (const [group, texts] of GROUPS.entries()) {
  test(`no text takes the page down when its chat is opened, ${group + 1} of ${GROUPS.length}`, async ({ page }) => {
    test.slow();
    await scriptEngine(page, { answers: { '*': { pieces: ['Warm.'] } } });
    await page.goto('/');
    await ask(page, 'Warm up.');
    await expect(chat(page).answers).toHaveText('Warm.');
    const longest: Record<string, number> = {};
    for (const name of texts) {
      const text = HOSTILE[name] ?? '';
      const handle = await page.evaluateHandle((answer) => ({ answer }), text);
      longest[name] = await longestTask(page, () =>
        page.evaluate(({ answer }) => {
          const element = document.querySelector('bamba-chat') as unknown as { messages: unknown };
          element.messages = [
            { role: 'user', content: answer.slice(0, 100_000) },
            { role: 'assistant', content: answer },
          ];
        }, handle),
      );
      await handle.dispose();
      // Nothing is blank.
      const shown = await chat(page).answers.evaluate((answer) => answer.textContent?.trim().length ?? 0);
      if (text.trim() !== '') expect(shown, name).toBeGreaterThan(0);
    }
    const worst = Object.entries(longest).toSorted(([, one], [, other]) => other - one);
    console.log(worst.map(([name, ms]) => `${Math.round(ms)} ms: ${name}`).join('\n'));
    expect(worst[0]?.[1], worst[0]?.[0]).toBeLessThan(LONGEST_TASK_MS);
  });
}

const STREAMED = [
  'quotes in each other',
  'a list in each other, two columns a level',
  'emphasis in each other',
  'a table of 10,000 cells',
  '100,000 links',
  'code without end',
  'beginnings of images',
  'paragraphs',
  'code of many lines',
  '300 pieces of code',
  'paragraphs of formulas',
  'combining marks',
];

test('no text takes the page down while it streams', async ({ page }) => {
  test.slow();
  const pieces = (text: string): string[] => text.slice(0, 400_000).match(/[^]{1,2000}/g) ?? [];
  await scriptEngine(page, {
    answers: Object.fromEntries(STREAMED.map((name) => [name, { pieces: pieces(HOSTILE[name] ?? ''), delayMs: 5 }])),
  });
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  const longest: [string, number][] = [];
  for (const name of every(2, STREAMED)) {
    // Whoever looks for words on a page of so many takes longer than the page itself: it says when the answer has ended.
    const ms = await longestTask(page, () =>
      page.evaluate(async (question) => {
        const element = document.querySelector('bamba-chat') as unknown as { ask(text: string): Promise<unknown> };
        await element.ask(question);
      }, name),
    );
    longest.push([name, ms]);
    await chat(page).newChat.click();
  }
  console.log(longest.map(([name, ms]) => `${Math.round(ms)} ms, streamed: ${name}`).join('\n'));
  for (const [name, ms] of longest) expect(ms, name).toBeLessThan(LONGEST_TASK_MS);
});
