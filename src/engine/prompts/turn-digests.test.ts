import { expect, test } from 'vitest';
import { chatOf } from '../../testing/engines/answer.ts';
import { turnDigests } from './turn-digests.ts';

test('chats that begin alike have the same digests so far, and others do not', () => {
  const digests = turnDigests(chatOf('What?', 'That.', 'Why?'));
  expect(turnDigests(chatOf('What?', 'That.'))).toEqual(digests.slice(0, 2));
  expect(turnDigests(chatOf('What?', 'Those.', 'Why?'))[0]).toBe(digests[0]);
  const others = [
    chatOf('What?', 'Those.', 'Why?'),
    chatOf('What?T', 'hat.', 'Why?'),
    chatOf('What', '?That.', 'Why?'),
    [{ role: 'system' as const, content: 'What?' }, ...chatOf('What?', 'That.', 'Why?').slice(1)],
    chatOf('What?', 'That.').map((message) => ({ ...message, name: 'Ann' })),
    chatOf('What?', 'That.').map((message) => ({ ...message, toolCalls: [{ id: '1', name: 'f', arguments: '{}' }] })),
  ];
  const last = others.map((chat) => turnDigests(chat).at(-1)!);
  expect(new Set([...last, ...digests]).size).toBe(others.length + digests.length);
  for (const digest of digests) expect(Number.isSafeInteger(digest) && digest >= 0).toBe(true);
});

test('many chats have digests of their own', () => {
  const digests = Array.from({ length: 20_000 }, (_, chat) => turnDigests(chatOf(`What is ${chat}?`))[0]);
  expect(new Set(digests).size).toBe(20_000);
});
