import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ScoreLog } from './score-log.ts';

const SUBJECT = { name: 'Lexicon', scheme: 'int8', int8Activations: false, weights: 'aa', text: 'bb' };
const SCORES = [
  { tokens: 3, nll: 0.1 + 0.2, top1: 3 },
  { tokens: 5, nll: 1 / 3, top1: 4 },
] as const;

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'score-log-'));
  file = join(folder, 'scores.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

async function written(): Promise<void> {
  const log = await ScoreLog.open(file, SUBJECT);
  for (const [index, score] of SCORES.entries()) await log.append(index, score, 1.5);
}

it('reads back what was appended, to the last digit', async () => {
  await written();
  const { scores } = await ScoreLog.open(file, SUBJECT);
  expect([...scores]).toEqual([...SCORES.entries()]);
});

it('goes on behind a line that was cut off', async () => {
  await written();
  const whole = await readFile(file, 'utf8');
  await writeFile(file, whole.slice(0, -10));
  const log = await ScoreLog.open(file, SUBJECT);
  expect([...log.scores.keys()]).toEqual([0]);
  await log.append(1, SCORES[1], 1.5);
  expect(await readFile(file, 'utf8')).toBe(whole);
});

it('refuses the log of another model or text', async () => {
  await written();
  for (const other of [{ scheme: 'fp8' }, { int8Activations: true }, { weights: 'cc' }, { text: 'cc' }]) {
    await expect(ScoreLog.open(file, { ...SUBJECT, ...other })).rejects.toMatchObject({ code: 'setting_invalid' });
  }
});

it('refuses a damaged line', async () => {
  await written();
  await appendFile(file, '{"sequence":2,"tokens":1}\n');
  await expect(ScoreLog.open(file, SUBJECT)).rejects.toMatchObject({ code: 'setting_invalid' });
});

it('keeps scores in memory where no file is asked for', async () => {
  const log = await ScoreLog.open(undefined, SUBJECT);
  await log.append(0, SCORES[0], 1);
  expect(log.scores.get(0)).toEqual(SCORES[0]);
});
