// Chats as files that a person saves and reads in.

import type { ChatArchive } from '../chats/chat-archive.ts';
import { readChats, toJson, toMarkdown, type ChatFormat } from '../chats/chat-files.ts';
import { download } from '../download.ts';

/**
 * Saves chats as a file: one, or all of them.
 *
 * @param id of the chat; undefined for all
 * @throws BambaError `storage_unavailable`
 */
export async function saveChats(archive: ChatArchive, id: string | undefined, format: ChatFormat): Promise<void> {
  const records = await archive.records(id);
  const [first] = records;
  if (!first) return;
  const name = fileName(id === undefined ? 'chats' : first.title);
  if (format === 'markdown') download(`${name}.md`, 'text/markdown', toMarkdown(first));
  else download(`${name}.json`, 'application/json', toJson(records));
}

/**
 * Saves what cannot be read, as it is.
 *
 * @throws BambaError `storage_unavailable`
 */
export async function saveUnreadable(archive: ChatArchive): Promise<void> {
  const records = await archive.unreadableRecords();
  const text = `${JSON.stringify({ format: 'bamba-web unreadable records', records }, jsonValue, 2)}\n`;
  download('unreadable-records.json', 'application/json', text);
}

/**
 * Adds the chats of files, all or none of them.
 *
 * @returns how many were not there yet
 * @throws BambaError `chats_invalid`, `storage_full`, `storage_unavailable`
 */
export async function addFiles(archive: ChatArchive, files: readonly File[]): Promise<number> {
  const now = Date.now();
  const texts = await Promise.all(files.map((file) => file.text()));
  return archive.add(texts.flatMap((text) => readChats(text, now)));
}

/** A title as every system takes it for a file. */
function fileName(title: string): string {
  const plain = title.replaceAll(/[^\p{L}\p{N}._ -]+/gu, '').trim();
  return plain.replace(/^\.+/, '').slice(0, 80) || 'chat';
}

/** Values that JSON does not know, as a text that says what they are. */
function jsonValue(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' || typeof value === 'symbol' ? String(value) : value;
}
