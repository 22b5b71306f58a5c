// The Prompt API, and what a page asks before it loads: the library in a page of its own, beside a hub.

import { expect, test } from '@playwright/test';
import { tinyCheckpoint } from '../src/testing/models/tiny-model.ts';
import { useHubPage } from './hub-page.ts';

const served = useHubPage(tinyCheckpoint);
const OPTIONS = { model: 'org/name', dtype: 'f32' } as const;

test('a session is made after a download that is told of, answers, and is cloned', async ({ page }) => {
  await page.goto(served.url);
  const seen = await page.evaluate(async (options) => {
    const LanguageModel = window.languageModel({ ...options, endpoint: location.origin });
    const before = await LanguageModel.availability();
    const told: number[] = [];
    const creating = LanguageModel.create({
      samplingMode: 'most-predictable',
      initialPrompts: [{ role: 'system', content: 'Be brief.' }],
      monitor: (monitor) => monitor.addEventListener('downloadprogress', ({ loaded }) => told.push(loaded)),
    });
    const during = await LanguageModel.availability();
    const session = await creating;
    const responseConstraint = /[a-z]{3}/;
    const answer = await session.prompt('Say.', { responseConstraint, omitResponseConstraintInput: true });
    const clone = await session.clone();
    const usage = [session.contextUsage, clone.contextUsage];
    const clonesAnswer = await clone.prompt('Again.', { responseConstraint });
    let streamed = '';
    const reader = session.promptStreaming('Again.', { responseConstraint }).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) streamed += next.value;
    const aborted = await session
      .prompt('Stop.', { signal: AbortSignal.abort() })
      .catch((error: unknown) => (error as DOMException).name);
    const tooLong = await session.prompt('x'.repeat(40_000)).catch((error: unknown) => error as DOMException);
    session.destroy();
    clone.destroy();
    const late = await session.prompt('Late.').catch((error: unknown) => (error as DOMException).name);
    const after = await LanguageModel.availability();
    const names = [aborted, (tooLong as DOMException).name, late];
    return { states: [before, during, after], told, answer, usage, clonesAnswer, streamed, names };
  }, OPTIONS);
  expect(seen.states).toEqual(['downloadable', 'downloading', 'available']);
  expect(seen.told[0]).toBe(0);
  expect(seen.told.at(-1)).toBe(1);
  expect(seen.told).toEqual(seen.told.toSorted((a, b) => a - b));
  for (const text of [seen.answer, seen.streamed]) expect(text).toMatch(/^[a-z]{3}$/);
  expect(seen.clonesAnswer).toBe(seen.streamed);
  expect(seen.usage[0]).toBeGreaterThan(0);
  expect(seen.usage[1]).toBe(seen.usage[0]);
  expect(seen.names).toEqual(['AbortError', 'QuotaExceededError', 'InvalidStateError']);
});

test('a page asks first, sees one bar grow to its end, and counts tokens in the worker', async ({ page }) => {
  await page.goto(served.url);
  const seen = await page.evaluate(async (given) => {
    const options = { ...given, endpoint: location.origin };
    const before = await window.bamba.availability(options);
    const shares: number[] = [];
    const engine = await window.bamba.createEngine({ ...options, onProgress: ({ progress }) => shares.push(progress) });
    const messages = [{ role: 'user' as const, content: 'What is it?' }];
    const ids = await engine.tokenize(messages);
    const { usage } = await engine.chat.completions.create({ messages, max_tokens: 0 });
    const text = await engine.detokenize(await engine.tokenize('An apple'));
    const counted = await engine.countTokens(messages);
    await engine.dispose();
    return { before, after: await window.bamba.availability(options), shares, ids, usage, text, counted };
  }, OPTIONS);
  expect(seen.before).toMatchObject({ status: 'downloadable' });
  expect(seen.after).toMatchObject({ status: 'available' });
  expect(seen.shares.at(-1)).toBe(1);
  expect(seen.shares).toEqual(seen.shares.toSorted((a, b) => a - b));
  expect(seen.shares.filter((share) => share === 1)).toHaveLength(1);
  expect(seen.counted).toBe(seen.ids.length);
  expect(seen.usage).toMatchObject({ prompt_tokens: seen.counted, completion_tokens: 0 });
  expect(seen.text).toBe('An apple');
});
