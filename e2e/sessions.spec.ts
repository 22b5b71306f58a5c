// Sessions and named conversations in the engine's worker. Their states serve a later visit, from bytes that the page keeps
// and from the browser's storage. The first visit makes the package, the second finds it made.

import { expect, test } from '@playwright/test';
import { quickCheckpoint } from '../src/testing/models/quick-model.ts';
import { useHubPage } from './hub-page.ts';

const served = useHubPage(quickCheckpoint);
const OPTIONS = { model: 'org/name', dtype: 'f32' } as const;
const SETTINGS = { maxTokens: 5, temperature: 0 } as const;

test('a second visit reads nothing again', async ({ page }) => {
  await page.goto(served.url);
  const first = await page.evaluate(
    async ({ options, settings }) => {
      const engine = await window.bamba.createEngine({ ...options, endpoint: location.origin });
      const session = await engine.sessions.create({ system: 'Speak of fruit.' });
      const answer = await session.prompt('An apple?', settings);
      const fork = await session.fork();
      const bytes = await fork.export();
      const { tokens } = fork;
      const follow = await fork.prompt('A pear?', settings);
      const messages = [{ role: 'user' as const, content: 'By name' }];
      let said = '';
      for await (const event of engine.generate({ messages, conversation: 'mine', ...settings })) {
        if (event.type === 'text') said += event.text;
      }
      const named = [...messages, { role: 'assistant' as const, content: said }];
      while ((await window.bamba.storedStates()).length === 0) {
        await new Promise((resolve) => {
          setTimeout(resolve, 100);
        });
      }
      const [kept] = await window.bamba.storedStates();
      await engine.dispose();
      return { answer, bytes: [...bytes], tokens, follow, kept, named };
    },
    { options: OPTIONS, settings: SETTINGS },
  );
  expect(first.kept).toMatchObject({ conversation: 'mine', model: 'name' });

  await page.reload();
  const second = await page.evaluate(
    async ({ options, settings, bytes, named }) => {
      const engine = await window.bamba.createEngine({ ...options, endpoint: location.origin });
      const file = new Uint8Array(bytes);
      const refused = await engine.sessions.import(file.slice(0, -1)).catch((error: { code: string }) => error.code);
      const session = await engine.sessions.import(file);
      const { messages, tokens } = session;
      const prompt = [...messages, { role: 'user' as const, content: 'A pear?' }];
      const cached: number[] = [];
      let follow = '';
      for await (const event of engine.generate({ messages: prompt, ...settings })) {
        if (event.type === 'text') follow += event.text;
        if (event.type === 'end') cached.push(event.usage.cachedTokens);
      }
      // The very turn that was kept, and what follows it.
      const begun = [...named, { role: 'user' as const, content: 'And?' }];
      for await (const event of engine.generate({ messages: begun, conversation: 'mine', ...settings })) {
        if (event.type === 'end') cached.push(event.usage.cachedTokens);
      }
      await window.bamba.deleteStoredStates('mine');
      const left = (await window.bamba.storedStates()).map(({ conversation }) => conversation);
      await engine.dispose();
      return { refused, messages, tokens, follow, cached, left };
    },
    { options: OPTIONS, settings: SETTINGS, bytes: first.bytes, named: first.named },
  );
  expect(second.refused).toBe('state_invalid');
  expect(second.messages.map(({ content }) => content)).toEqual(['Speak of fruit.', 'An apple?', first.answer]);
  expect(second.tokens).toBe(first.tokens);
  expect(second.follow).toBe(first.follow);
  expect(second.cached).toEqual([first.tokens, first.kept!.tokens]);
  expect(second.left).not.toContain('mine');
});
