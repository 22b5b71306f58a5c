// Chats as files. JSON holds everything, of one chat or of many; Markdown is one chat to read, as it is shown, and reads
// back as well.

import * as v from 'valibot';
import { BambaError } from '../../errors.ts';
import { chatSchema, titleOf, type ChatRecord, type StoredTurn } from './chat-record.ts';
import { copyOf, nameOf } from './copies.ts';
import type { TurnId } from './ids.ts';
import { TurnTree } from './turn-tree.ts';

const FORMAT = 'bamba-web chats';
/** Since version 2 turns may have several versions. Files without any are of version 1, which earlier pages can read. */
const VERSIONS = { linear: 1, branched: 2 };
const FIRST_LINE = /^<!-- bamba-web chat, parts begin with (\w+) -->$/;

const fileSchema = v.object({
  format: v.literal(FORMAT),
  version: v.picklist(Object.values(VERSIONS)),
  chats: v.array(chatSchema),
});

/** Kinds of files. */
export type ChatFormat = 'json' | 'markdown';

/** All of some chats, as JSON. Their ids go with them: a chat that is read in where it is already is not added again. */
export function toJson(chats: readonly ChatRecord[]): string {
  const plain = chats.map(plainChat);
  const version = plain.some(({ branched }) => branched) ? VERSIONS.branched : VERSIONS.linear;
  return `${JSON.stringify({ format: FORMAT, version, chats: plain.map(({ chat }) => chat) }, null, 2)}\n`;
}

/** A chat whose turns are named by their places in the file, from 1 on; no turn names another one where none need to. */
function plainChat({ turns, tip, ...chat }: ChatRecord): { chat: object; branched: boolean } {
  const tree = new TurnTree(turns);
  if (!tree.branches) return { chat: { ...chat, turns: turns.map((turn) => unnamed(turn)) }, branched: false };
  const places = new Map(turns.map(({ id }, index) => [id, index + 1]));
  const placed = turns.map((turn) => {
    const { id } = turn;
    const [first] = tree.versions(id);
    const parent = tree.parent(id);
    const link = first !== id ? { instead: places.get(first as TurnId) } : { after: parent && places.get(parent) };
    return { ...link, ...unnamed(turn) };
  });
  return { chat: { ...chat, tip: tip && places.get(tip), turns: placed }, branched: true };
}

function unnamed({ id: _id, after: _after, instead: _instead, ...turn }: StoredTurn): object {
  return turn;
}

/**
 * A chat as Markdown: a heading for each side, and before it a comment that a reader does not see. The comments say where
 * parts begin. No text of the chat has their word in such a comment, so the chat is read back as it was.
 */
export function toMarkdown({ title, model, turns: all, tip }: ChatRecord): string {
  const byId = new Map(all.map((turn) => [turn.id, turn]));
  const turns = new TurnTree(all).path(tip).map((id) => byId.get(id) as StoredTurn);
  const text = turns.map(({ question, answer }) => question + answer).join('\n');
  let word = 'part';
  for (let count = 2; text.includes(`<!-- ${word} `); count++) word = `part${count}`;
  const name = model.replaceAll(/\s+/g, ' ').trim() || 'Answer';
  const parts = turns.flatMap(({ question, answer }) => [
    `<!-- ${word} question -->\n## You\n\n${question}\n`,
    ...(answer === '' ? [] : [`<!-- ${word} answer -->\n## ${name}\n\n${answer}\n`]),
  ]);
  return [`<!-- bamba-web chat, parts begin with ${word} -->\n# ${title}\n`, ...parts].join('\n');
}

/**
 * Reads chats from a file.
 *
 * @param now when they are read, in milliseconds since 1970
 * @throws BambaError `chats_invalid` with a sentence that says what is wrong with the file
 */
export function readChats(text: string, now: number): ChatRecord[] {
  const content = text.replace(/^\ufeff/, '').replaceAll('\r\n', '\n');
  return FIRST_LINE.test(content.split('\n', 1)[0] ?? '') ? [readMarkdown(content, now)] : readJson(content, now);
}

function readJson(text: string, now: number): ChatRecord[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid('it is neither JSON nor Markdown that was exported here', cause);
  }
  const parsed = v.safeParse(fileSchema, value);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw invalid(`${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
  }
  const taken = new Set<string>();
  return parsed.output.chats.map(({ id, title, createdAt, updatedAt, model, pinned, own, tip, turns }) => ({
    // A chat without a name of its own gets one from what it says: the same whenever this file is read.
    id: freeName(id ?? nameOf(JSON.stringify([title, turns])), taken),
    title: titleOf(title) || titleOf(turns[0]?.question ?? '') || 'Chat',
    createdAt: createdAt ?? now,
    updatedAt: updatedAt ?? createdAt ?? now,
    model,
    ...(pinned && { pinned }),
    ...(own && { own }),
    ...(tip !== undefined && { tip }),
    turns: turns.map((turn, index) => dropUndefined({ id: index + 1, ...turn })),
  }));
}

function readMarkdown(text: string, now: number): ChatRecord {
  const [first = '', ...lines] = text.split('\n');
  const word = FIRST_LINE.exec(first)?.[1] ?? '';
  const [head = '', ...parts] = lines.join('\n').split(`\n<!-- ${word} `);
  const turns: StoredTurn[] = [];
  let model = '';
  for (const part of parts) {
    const match = /^(question|answer) -->\n## (.*)\n\n([^]*?)\n?$/.exec(part);
    if (!match) throw invalid('a part of it does not begin with a heading');
    const [, kind, name = '', body = ''] = match;
    const last = turns.at(-1);
    if (kind === 'question') {
      turns.push({ id: turns.length + 1, question: body, answer: '', status: 'done' });
    } else if (last?.answer === '') {
      turns[turns.length - 1] = { ...last, answer: body };
      model = name.trim();
    } else {
      throw invalid('an answer in it has no question');
    }
  }
  const title = /^# (.*)/m.exec(head)?.[1]?.trim();
  return { id: nameOf(text), title: title || 'Chat', createdAt: now, updatedAt: now, model, turns };
}

/** `name`, or what a copy of it is called, so that no two chats of a file are taken for one. */
function freeName(name: string, taken: Set<string>): string {
  let count = 1;
  while (taken.has(copyOf(name, count))) count++;
  taken.add(copyOf(name, count));
  return copyOf(name, count);
}

function dropUndefined(turn: StoredTurn): StoredTurn {
  return Object.fromEntries(Object.entries(turn).filter(([, value]) => value !== undefined)) as unknown as StoredTurn;
}

function invalid(reason: string, cause?: unknown): BambaError {
  return new BambaError('chats_invalid', `This file cannot be read as chats: ${reason}. Nothing was added.`, { cause });
}
