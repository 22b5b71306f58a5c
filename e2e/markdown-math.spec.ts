// Formulas in answers: mathematics where they are TeX, their source where they are not, and money where they are neither.

import { violations } from './axe.ts';
import { scriptEngine, words } from './scripted-engine.ts';
import { ask, chat, ended, expect, test } from './ui-test.ts';

const ANSWER = `The roots are

$$
x_{1,2} = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}
$$

where \\(a \\neq 0\\) and $b$, $c$ are real. So $x = \\boxed{42}$; it costs $5 and $10.

\\[
\\begin{aligned} a &= b + c \\\\ d &= \\sum_{i=1}^{n} i^2 + \\int_0^1 f(x)\\,dx + \\prod_{j} k_j + u + v + w + x + y + z \\end{aligned}
\\]

Broken: $\\frac{1}{$ and \`$code$\`.
`;

const isConverter = (url: string): boolean => /on-demand-math-[^/]*\.js$/.test(url);

for (const [colorScheme, viewport] of [
  ['light', { width: 1280, height: 800 }],
  ['dark', { width: 390, height: 844 }],
] as const) {
  test.describe(`${colorScheme}, ${viewport.width} px`, () => {
    test.use({ colorScheme, viewport });

    test('draws formulas, and neither money nor code nor what is broken', async ({ page }) => {
      const asked: string[] = [];
      page.on('request', (request) => {
        if (isConverter(request.url())) asked.push(request.url());
      });
      await scriptEngine(page, {
        answers: { money: { pieces: ['From $5 to $10.'] }, '*': { pieces: words(ANSWER), delayMs: 2 } },
      });
      await page.goto('/');
      await ask(page, 'money');
      await expect(chat(page).answers).toHaveText('From $5 to $10.');
      expect(asked).toEqual([]);
      await ask(page, 'formulas');
      const answer = chat(page).answers.last();
      await expect(answer.locator('.formula.display math')).toHaveCount(2);
      await expect(answer.locator('.formula:not(.display) math')).toHaveCount(4);
      await expect(answer.locator('mfrac')).toHaveCount(1);
      await expect(answer.locator('mtable mtr')).toHaveCount(2);
      await expect(answer).toContainText('it costs $5 and $10.');
      await expect(answer.locator('code.math')).toHaveText(['$\\frac{1}{$']);
      await expect(answer).toContainText('Broken: $\\frac{1}{$ and $code$.');
      expect(asked).toHaveLength(1);
      // It is drawn as mathematics: a fraction is higher than a line of text, and nothing is wider than the page.
      const fraction = await answer.locator('mfrac').boundingBox();
      expect(fraction?.height).toBeGreaterThan(30);
      const widths = await page.evaluate(() => {
        const scroller = document.querySelector('bamba-chat')?.shadowRoot?.querySelector('.scroller');
        return [document.documentElement.scrollWidth, scroller?.scrollWidth ?? 0];
      });
      expect(Math.max(...widths)).toBeLessThanOrEqual(viewport.width);
      expect(await violations(page)).toEqual([]);
    });
  });
}

const ATTACKS = [
  '$\\href{javascript:alert(1)}{x}$',
  '$\\url{javascript:alert(1)}$',
  '$\\includegraphics{https://evil.example/pixel.png}$',
  '$\\class{question}{x}$',
  '$\\style{position:fixed;inset:0}{x}$',
  '$\\text{<img src=x onerror=alert(1)>}$',
  '$\\text{</mtext></math><script>alert(1)</script>}$',
  '$\\text{" onclick="alert(1)}$',
  '$\\text{<a href="javascript:alert(1)">x</a>}$',
  '$\\raisebox{1000em}{over everything}\\kern{-1000em}x$',
  '$\\rule{1000em}{1000em}$',
  '$x\\text{<style>*{display:none}</style>}$',
];

test('whatever a formula contains, it stays inert and within its paragraph', async ({ page }) => {
  await scriptEngine(page, { answers: { '*': { pieces: words(ATTACKS.join('\n\n')) } } });
  await page.goto('/');
  await ask(page, 'attacks');
  const answer = chat(page).answers;
  await expect(answer.locator('math').first()).toBeVisible();
  // The newest is the first: this one is the last to be looked at, and is refused.
  await expect(answer.locator('code.math').first()).toHaveText('$\\href{javascript:alert(1)}{x}$');
  await expect(answer).toContainText('<img src=x onerror=alert(1)>');
  const found = await answer.evaluate((root) => {
    const all = [...root.querySelectorAll('*')];
    const { height } = root.getBoundingClientRect();
    return {
      elements: [...new Set(all.map(({ localName }) => localName))].toSorted(),
      attributes: [...new Set(all.flatMap((each) => each.getAttributeNames()))].toSorted(),
      classes: [...new Set([...root.querySelectorAll('math *')].flatMap((each) => [...each.classList]))],
      height,
    };
  });
  expect(found.elements.filter((name) => !/^m[a-z]*$|^(?:code|div|p|span)$/.test(name))).toEqual([]);
  expect(found.attributes.filter((name) => /^on|^href|^src|^style|^id$|^data/.test(name))).toEqual([]);
  expect(found.classes).not.toContain('question');
  expect(found.height).toBeLessThan(3000);
});

test('where the converter cannot be fetched, formulas are there as they were written', async ({ browser, baseURL }) => {
  const page = await browser.newPage({ baseURL: baseURL ?? '', serviceWorkers: 'block' });
  let refused = 0;
  await page.route(
    ({ href }) => isConverter(href),
    (route) => {
      refused++;
      return route.abort();
    },
  );
  await scriptEngine(page, { answers: { '*': { pieces: words('So $x^2$ and\n\n$$\ny\n$$\n'), delayMs: 2 } } });
  await page.goto('/');
  await ask(page, 'formulas');
  await ended(page);
  await expect.poll(() => refused).toBe(1);
  await expect(page.locator('code.math')).toHaveText(['$x^2$', '$$ y $$']);
  await page.close();
});
