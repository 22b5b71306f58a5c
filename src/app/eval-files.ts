import { BambaError } from '../errors.ts';
import { parseScoredText, type ScoredText } from '../generate/scored-text.ts';
import { parseTaskFile, type TaskFile } from '../evaluate/task-file.ts';

/** What is evaluated, as it was read. */
export type Source =
  | { type: 'task'; name: string; task: TaskFile }
  | { type: 'text'; name: string; text: string }
  | { type: 'tokens'; name: string; tokens: ScoredText };

/** Texts are read into memory as a whole. */
const MOST_BYTES = 64 * 2 ** 20;

/**
 * Reads a file: `.jsonl` is a task, `.json` has tokens, and all others are texts.
 * @throws BambaError `setting_invalid`, `attachment_refused`
 */
export async function readSource(file: File): Promise<Source> {
  const { name } = file;
  if (file.size > MOST_BYTES) {
    throw new BambaError('attachment_refused', `${name} is larger than 64 MiB. Give a part of it.`);
  }
  const text = decode(await file.arrayBuffer(), name);
  if (name.endsWith('.jsonl')) return { type: 'task', name, task: parseTaskFile(text, name) };
  if (!name.endsWith('.json')) return { type: 'text', name, text };
  try {
    return { type: 'tokens', name, tokens: parseScoredText(JSON.parse(text)) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new BambaError('setting_invalid', `${name} is not JSON: ${error.message}. Tasks end in .jsonl.`);
  }
}

/** A task that comes with the page. @throws BambaError `network` */
export async function shippedTask(name: string): Promise<Source> {
  const response = await fetch(`./tasks/${name}.jsonl`).catch(() => null);
  if (!response?.ok) {
    throw new BambaError('network', `The task ${name} cannot be fetched. Check the connection, and try again.`);
  }
  return { type: 'task', name, task: parseTaskFile(await response.text(), `${name}.jsonl`) };
}

function decode(bytes: ArrayBuffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BambaError('setting_invalid', `${name} is no text in UTF-8. Save it as that.`, { cause });
  }
}
