// Files of text that go with a question. They are part of its text: each has its name, and a fence around its content. So
// the model reads them, and they are kept, exported and imported with the question.

import { BambaError } from '../../errors.ts';
import { formatBytes } from '../format.ts';

/** A file whose contents are text. */
export interface Attachment {
  readonly name: string;
  /** Its lines end with `\n`. */
  readonly text: string;
}

/** A question as it was typed, and the files that went with it. */
export interface AttachedText {
  readonly text: string;
  readonly files: readonly Attachment[];
}

/** The limits of one question's attachments: bytes, but for `files`. */
export const ATTACHMENT_LIMITS = { files: 5, bytesEach: 100_000, bytesTogether: 200_000 } as const;

/** The limits in a sentence. */
export const LIMITS_SENTENCE =
  `Up to ${ATTACHMENT_LIMITS.files} text files, each of at most ${formatBytes(ATTACHMENT_LIMITS.bytesEach)}, together ` +
  `of at most ${formatBytes(ATTACHMENT_LIMITS.bytesTogether)}.`;

/** A file that has not been read after this is given up: it may lie on a disk that is gone. */
const READ_MS = 10_000;

const LONGEST_NAME = 120;

const HEAD = /^Attached file: ([^\n]{1,200})\n(`{3,})\n/gm;

/** Control characters that text has: those that lay it out, and what begins the colours of a terminal. */
const LAYOUT: ReadonlySet<string> = new Set('\t\n\f\r\u001b');

/**
 * A question with its files, in one text.
 *
 * @example
 * joinAttachments('Explain this.', [{ name: 'a.txt', text: 'A' }]);
 * // 'Explain this.\n\nAttached file: a.txt\n```\nA\n```'
 */
export function joinAttachments(text: string, files: readonly Attachment[]): string {
  const parts = files.map((file) => {
    const longest = Math.max(2, ...[...file.text.matchAll(/`+/g)].map(([run]) => run.length));
    const fence = '`'.repeat(longest + 1);
    return `Attached file: ${file.name}\n${fence}\n${file.text}\n${fence}`;
  });
  const typed = text.trim();
  return [...(typed === '' ? [] : [typed]), ...parts].join('\n\n');
}

/** A question without its files, and the files: what `joinAttachments` has put together. */
export function splitAttachments(question: string): AttachedText {
  const files: Attachment[] = [];
  let text = '';
  let at = 0;
  HEAD.lastIndex = 0;
  for (let head = HEAD.exec(question); head; head = HEAD.exec(question)) {
    const [whole, name = '', fence = ''] = head;
    const begin = head.index + whole.length;
    // An empty file has its closing fence at once.
    const end = question.indexOf(`\n${fence}`, begin - 1);
    const after = end + 1 + fence.length;
    if (end < 0 || (after < question.length && question.charAt(after) !== '\n')) continue;
    files.push({ name, text: question.slice(begin, Math.max(begin, end)) });
    text = joinText(text, question.slice(at, head.index));
    at = after;
    HEAD.lastIndex = after;
  }
  if (files.length === 0) return { text: question, files };
  return { text: joinText(text, question.slice(at)), files };
}

function joinText(before: string, after: string): string {
  return [before.trim(), after.trim()].filter((part) => part !== '').join('\n');
}

/**
 * Reads a file to attach.
 *
 * @param before what is attached already
 * @throws BambaError `attachment_refused` with what is wrong with it, and what to do
 */
export async function readAttachment(file: File, before: readonly Attachment[]): Promise<Attachment> {
  const name = oneLineName(file.name);
  checkSizes(name, file.size, before);
  const text = decode(name, await readBytes(name, file));
  return { name, text: text.replace(/\r\n?/g, '\n') };
}

function checkSizes(name: string, bytes: number, before: readonly Attachment[]): void {
  const { files, bytesEach, bytesTogether } = ATTACHMENT_LIMITS;
  if (before.length >= files) {
    throw refusal(`“${name}” was not attached: there are ${files} files already, and there can be no more.`);
  }
  if (bytes > bytesEach) {
    throw refusal(
      `“${name}” was not attached: it has ${formatBytes(bytes)}, and a file may have ${formatBytes(bytesEach)} at most. ` +
        'Attach the part that matters.',
    );
  }
  const together = before.reduce((sum, file) => sum + sizeOf(file), bytes);
  if (together > bytesTogether) {
    throw refusal(
      `“${name}” was not attached: all files together would have ${formatBytes(together)}, and may have ` +
        `${formatBytes(bytesTogether)} at most. Remove another one first.`,
    );
  }
}

async function readBytes(name: string, file: File): Promise<Uint8Array> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('it took too long')), READ_MS);
  });
  try {
    return new Uint8Array(await Promise.race([file.arrayBuffer(), late]));
  } catch (cause) {
    const reason = 'It may have been moved or changed, or be a folder: choose it again.';
    throw new BambaError('attachment_refused', `“${name}” could not be read. ${reason}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** Text of UTF-8, or of UTF-16 where the file says so. */
function decode(name: string, bytes: Uint8Array): string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw notText(name);
  }
  if (isBinary(text)) throw notText(name);
  if (text.trim() === '') throw refusal(`“${name}” was not attached: it is empty.`);
  return text;
}

function isBinary(text: string): boolean {
  for (const [character] of text.matchAll(/\p{Cc}/gu)) if (!LAYOUT.has(character)) return true;
  return text.includes('\ufffd');
}

function notText(name: string): BambaError {
  return refusal(`“${name}” was not attached: it is not a text file. Only plain text can be attached, saved as UTF-8.`);
}

function refusal(sentence: string): BambaError {
  return new BambaError('attachment_refused', sentence);
}

/** How many bytes a file has, as UTF-8. */
export function sizeOf({ text }: Attachment): number {
  return new TextEncoder().encode(text).length;
}

/** A name on one line, shortened in its middle: its end says what kind of file it is. */
function oneLineName(name: string): string {
  const line = name.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim() || 'file';
  if (line.length <= LONGEST_NAME) return line.toWellFormed();
  return `${line.slice(0, LONGEST_NAME - 21)}…${line.slice(-20)}`.toWellFormed();
}
