import { describe, expect, it } from 'vitest';
import { groupChats } from './chat-groups.ts';
import type { ChatSummary } from './chat-record.ts';

const NOW = new Date(2026, 2, 30, 9, 15);

function chatAt(id: string, when: Date | number, pinned?: true): ChatSummary {
  return { id, title: id, createdAt: 0, updatedAt: Number(when), model: '', ...(pinned && { pinned }) };
}

function grouped(chats: readonly ChatSummary[]): [string, string[]][] {
  return groupChats(chats, NOW).map(({ label, chats: members }) => [label, members.map(({ id }) => id)]);
}

describe('groupChats', () => {
  it('goes by days of the calendar, not by hours', () => {
    expect(
      grouped([
        chatAt('tomorrow', new Date(2026, 2, 31, 12)),
        chatAt('midnight', new Date(2026, 2, 30)),
        chatAt('late', new Date(2026, 2, 29, 23, 59, 59)),
        chatAt('early', new Date(2026, 2, 29, 0, 0)),
        chatAt('six days', new Date(2026, 2, 24)),
        chatAt('seven days', new Date(2026, 2, 23)),
        chatAt('March', new Date(2026, 2, 22, 23, 59)),
        chatAt('February', new Date(2026, 1, 28)),
        chatAt('a year ago', new Date(2025, 2, 30)),
        chatAt('mended', 0),
      ]),
    ).toEqual([
      ['Today', ['tomorrow', 'midnight']],
      ['Yesterday', ['late', 'early']],
      ['Previous 7 days', ['six days', 'seven days']],
      ['March 2026', ['March']],
      ['February 2026', ['February']],
      ['March 2025', ['a year ago']],
      ['Undated', ['mended']],
    ]);
  });

  it('puts pinned chats first, in their order', () => {
    const [today, before] = [new Date(2026, 2, 30, 8), new Date(2024, 0, 1)];
    expect(
      grouped([chatAt('a', today), chatAt('b', today, true), chatAt('c', before), chatAt('d', before, true)]),
    ).toEqual([
      ['Pinned', ['b', 'd']],
      ['Today', ['a']],
      ['January 2024', ['c']],
    ]);
    expect(grouped([])).toEqual([]);
  });
});
