// Chats by when they were changed last, as a person thinks of it: today, yesterday, the days before, months.

import type { ChatSummary } from './chat-record.ts';

/** Chats under one heading. */
export interface ChatGroup {
  readonly label: string;
  readonly chats: readonly ChatSummary[];
}

/** After today and yesterday, so many days back count as the last ones. */
const LAST_DAYS = 7;

const MONTH = new Intl.DateTimeFormat('en', { month: 'long', year: 'numeric' });

/**
 * Puts chats under headings, those that are pinned first.
 *
 * @param chats the one that was changed last first
 * @param now what counts as today
 */
export function groupChats(chats: readonly ChatSummary[], now: Date): ChatGroup[] {
  const groups = new Map<string, ChatSummary[]>();
  const labelled = chats.map((chat) => [chat.pinned ? 'Pinned' : dayLabel(chat.updatedAt, now), chat] as const);
  for (const [label, chat] of labelled.toSorted(([, one], [, other]) => rank(one) - rank(other))) {
    const group = groups.get(label);
    if (group) group.push(chat);
    else groups.set(label, [chat]);
  }
  return [...groups].map(([label, members]) => ({ label, chats: members }));
}

function rank({ pinned }: ChatSummary): number {
  return pinned ? 0 : 1;
}

/** The name of a time. Days end at midnight where the person is, however long they are. */
function dayLabel(time: number, now: Date): string {
  if (time <= 0) return 'Undated';
  const daysBack = (days: number): number =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() - days).getTime();
  if (time >= daysBack(0)) return 'Today';
  if (time >= daysBack(1)) return 'Yesterday';
  if (time >= daysBack(LAST_DAYS)) return `Previous ${LAST_DAYS} days`;
  return MONTH.format(time);
}
