// Answers as Markdown: what is drawn, and what an answer must not be able to do.

import { scriptEngine, words } from './scripted-engine.ts';
import { ask, chat, ended, expect, test } from './ui-test.ts';

const FENCE = '```';
const RICH = `## Elements

An **element** is *one kind* of atom; see [the list](https://example.org/elements).

1. Hydrogen
2. Helium
   - found in the sun

| Element | Number |
|:--|--:|
| Helium | 2 |

> Quoted.

- [x] done

${FENCE}python
def double(x):
    return 2 * x
${FENCE}
`;

test('draws headings, lists, tables, quotes, links and code', async ({ page }) => {
  await scriptEngine(page, { answers: { '*': { pieces: words(RICH), delayMs: 2 } } });
  await page.goto('/');
  await ask(page, 'Show everything.');
  const answer = chat(page).answers;
  await expect(answer.getByRole('heading', { name: 'Elements' })).toBeVisible();
  await expect(answer.locator('ol > li')).toHaveCount(2);
  await expect(answer.locator('ol ul > li')).toHaveText('found in the sun');
  await expect(answer.getByRole('cell', { name: '2' })).toHaveCSS('text-align', 'right');
  await expect(answer.locator('blockquote')).toHaveText('Quoted.');
  await expect(answer.getByText('☑ done')).toBeVisible();
  const link = answer.getByRole('link', { name: 'the list' });
  await expect(link).toHaveAttribute('href', 'https://example.org/elements');
  await expect(link).toHaveAttribute('target', '_blank');
  await expect(link).toHaveAttribute('rel', /noopener/);
  await expect(answer.locator('pre')).toContainText('return 2 * x');
});

test('copies an answer as its Markdown, and code as it is', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await scriptEngine(page, { answers: { '*': { pieces: words(RICH) } } });
  await page.goto('/');
  await ask(page, 'Show everything.');
  const clipboard = (): Promise<string> => page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole('button', { name: 'Copy code' }).click();
  await expect(chat(page).announced).toHaveText('Code copied.');
  expect(await clipboard()).toBe('def double(x):\n    return 2 * x');
  await page.getByRole('button', { name: 'Copy answer' }).click();
  await expect(chat(page).announced).toHaveText('Answer copied.');
  expect(await clipboard()).toBe(RICH);
});

const ATTACKS = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<svg onload=alert(1)><use href="data:image/svg+xml,x"/></svg>',
  '<iframe src="https://evil.example/"></iframe>',
  '<style>* { display: none }</style>',
  '<a href="javascript:alert(1)">html</a>',
  '[script](javascript:alert(1))',
  '[spaced](java\tscript:alert(1))',
  '[entity](&#106;avascript:alert(1))',
  '[data](data:text/html,<script>alert(1)</script>)',
  '[relative](admin/delete)',
  '![picture](https://evil.example/pixel.png?secret "x\\" onerror=alert(1)")',
  '<form action="https://evil.example/"><input name=q><button>go</button></form>',
  '<math><mtext></p><style><img src=x onerror=alert(1)></style></mtext></math>',
  '`<img src=x onerror=alert(1)>`',
  '| a |\n|--|\n| <img src=x onerror=alert(1)> |',
  '<div class="card" style="position:fixed;inset:0" id="question">over everything</div>',
  '[ref][r]\n\n[r]: javascript:alert(1)',
  '```"><img src=x onerror=alert(1)>\ncode\n```',
];

test('whatever an answer contains, it stays inert text and plain links', async ({ page }) => {
  const text = ATTACKS.join('\n\n');
  await scriptEngine(page, { answers: { '*': { pieces: words(text), delayMs: 1 } } });
  await page.goto('/');
  await ask(page, text);
  await ended(page);
  const answer = chat(page).answers;
  await expect(answer).toContainText('<script>alert(1)</script>');
  await expect(answer).toContainText('<img src=x onerror=alert(1)>');
  await expect(answer).toContainText('over everything');
  const found = await chat(page).turns.evaluate((turn) => ({
    elements: [...new Set([...turn.querySelectorAll('.markdown *')].map((each) => each.localName))].toSorted(),
    attributes: [
      ...new Set([...turn.querySelectorAll('.markdown *')].flatMap((each) => each.getAttributeNames())),
    ].toSorted(),
    links: [...turn.querySelectorAll('a[href]')].map((link) => link.getAttribute('href')),
  }));
  // The picture is a link that someone may follow; nothing fetched it (`ui-test.ts` fails on any foreign request).
  expect(found.links).toEqual(['https://evil.example/pixel.png?secret']);
  const drawn = 'a button code div p pre span table tbody td th thead tr'.split(' ');
  expect(found.elements.filter((name) => !drawn.includes(name))).toEqual([]);
  const known = 'aria-label class data-copy-code dir href rel role tabindex target title type'.split(' ');
  expect(found.attributes.filter((name) => !known.includes(name))).toEqual([]);
});

test('earlier paragraphs keep their nodes while later ones stream, and with them a selection', async ({ page }) => {
  const text = `The first paragraph stays.\n\n${'The second goes on and on. '.repeat(12)}`;
  await scriptEngine(page, { answers: { '*': { pieces: words(text), delayMs: 25 } } });
  await page.goto('/');
  await ask(page, 'Two paragraphs?');
  const blocks = chat(page).answers.locator('.block');
  await expect(blocks).toHaveCount(2);
  const first = await blocks.first().elementHandle();
  const before = (await blocks.nth(1).textContent())?.length ?? 0;
  await first?.evaluate((node) => node.ownerDocument.getSelection()?.selectAllChildren(node));
  await expect.poll(async () => (await blocks.nth(1).textContent())?.length).toBeGreaterThan(before + 40);
  expect(await first?.evaluate((node) => node.isConnected)).toBe(true);
  expect(await page.evaluate(() => getSelection()?.type)).toBe('Range');
  await ended(page);
});

test('right-to-left text runs from the right, in question and answer', async ({ page }) => {
  await scriptEngine(page, { answers: { '*': { pieces: words('التفاح فاكهة.\n\nAnd a line in English.') } } });
  await page.goto('/');
  await ask(page, 'ما هو التفاح؟');
  await expect(chat(page).questions).toHaveCSS('direction', 'rtl');
  const blocks = chat(page).answers.locator('.block');
  await expect(blocks.first()).toHaveCSS('direction', 'rtl');
  await expect(blocks.nth(1)).toHaveCSS('direction', 'ltr');
});

test('a long answer is drawn at most once a frame', async ({ page }) => {
  const pieces = Array.from({ length: 400 }, () => 'word ');
  await scriptEngine(page, { answers: { '*': { pieces, delayMs: 1 } } });
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  await page.evaluate(() => {
    const counts = { draws: 0, frames: 0 };
    const count = (): void => {
      counts.frames++;
      requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
    const root = document.querySelector('bamba-chat')?.shadowRoot;
    if (root) {
      new MutationObserver((records) => {
        if (records.some(({ target }) => target instanceof Element && target.closest('.markdown'))) counts.draws++;
      }).observe(root, { childList: true, subtree: true });
    }
    Object.assign(window, { counts });
  });
  await ask(page, 'Many words?');
  await ended(page);
  const counts = await page.evaluate(() => (window as unknown as { counts: { draws: number; frames: number } }).counts);
  expect(counts.draws).toBeGreaterThan(1);
  // One more at each end: the first text and the last are not put off.
  expect(counts.draws).toBeLessThanOrEqual(counts.frames + 2);
  expect(counts.draws).toBeLessThan(pieces.length);
});
