import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BambaError } from '../../errors.ts';
import { parseTokenInput } from '../../engine/prompts/request.ts';
import type { TextSide } from '../../engine/prompts/text-side.ts';
import { questionsOf } from '../../evaluate/questions.ts';
import { parseTaskFile } from '../../evaluate/task-file.ts';
import { parseScoredText } from '../../generate/scored-text.ts';

const TASK = join(import.meta.dirname, '..', '..', '..', 'public', 'tasks', 'dictionary.jsonl');
/** Tokens of a sequence: longer texts are cut. */
const SEQUENCE_TOKENS = 512;

/** Questions of the project's dictionary with their right answers, as chats where the model takes them. */
export async function dictionarySequences(text: TextSide): Promise<number[][]> {
  const questions = questionsOf(parseTaskFile(await readFile(TASK, 'utf8'), 'dictionary.jsonl'));
  const sequences: number[][] = [];
  for (const question of questions) {
    if (question.type !== 'multiple_choice') continue;
    const [user, assistant] = [question.context.question, question.choices[question.gold[0]!]!];
    const input = text.template.exists
      ? parseTokenInput(
          [
            { role: 'user', content: user },
            { role: 'assistant', content: assistant },
          ],
          { readAhead: true },
        )
      : parseTokenInput(`${user} ${assistant}`, {});
    sequences.push([...(await text.encode(input, undefined))]);
  }
  return sequences;
}

/** A text file in sequences. @throws BambaError `prompt_empty`, `setting_invalid` */
export async function fileSequences(file: string, text: TextSide): Promise<number[][]> {
  const content = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new BambaError('setting_invalid', `${file} cannot be read: ${cause.message}.`, { cause });
  });
  if (file.endsWith('.json')) return parseScoredText(JSON.parse(content)).sequences.map(({ ids }) => [...ids]);
  const ids = await text.encode(parseTokenInput(content, {}), undefined);
  if (ids.length < 2) {
    throw new BambaError(
      'prompt_empty',
      `${file} has ${ids.length} tokens: there is nothing to predict. Give a longer text.`,
    );
  }
  const sequences: number[][] = [];
  for (let at = 0; at < ids.length; at += SEQUENCE_TOKENS) sequences.push(ids.slice(at, at + SEQUENCE_TOKENS));
  return sequences;
}

/** The first sequences, of so many tokens together. */
export function firstTokens(sequences: readonly (readonly number[])[], tokens: number): number[][] {
  const kept: number[][] = [];
  let left = tokens;
  for (const ids of sequences) {
    const part = ids.slice(0, left);
    if (part.length > 1) kept.push(part);
    left -= part.length;
  }
  return kept;
}
