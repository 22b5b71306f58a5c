import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { OutcomeLog } from './outcome-log.ts';

const SUBJECT = {
  name: 'Lexicon',
  scheme: 'int8',
  precision: 'exact',
  kvCacheType: 'f32',
  contextLength: 4096,
  weights: 'aa',
};
const OUTCOMES = [
  { tokens: 3, nll: 0.1 + 0.2, top1: 3 },
  { answer: 'An apple\n', exact_match: 1 / 3 },
] as const;

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outcome-log-'));
  file = join(folder, 'outcomes.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

async function written(): Promise<void> {
  const log = await OutcomeLog.open(file, SUBJECT);
  for (const [index, outcome] of OUTCOMES.entries()) await log.put('work', `${index}`, outcome);
}

it('reads back what was put, to the last digit', async () => {
  await written();
  const log = await OutcomeLog.open(file, SUBJECT);
  expect(OUTCOMES.map((_, index) => log.get('work', `${index}`))).toEqual(OUTCOMES);
  expect([log.get('work', '2'), log.get('other', '0')]).toEqual([undefined, undefined]);
});

it('goes on behind a line that was cut off', async () => {
  await written();
  const whole = await readFile(file, 'utf8');
  await writeFile(file, whole.slice(0, -10));
  const log = await OutcomeLog.open(file, SUBJECT);
  expect([log.get('work', '0'), log.get('work', '1')]).toEqual([OUTCOMES[0], undefined]);
  await log.put('work', '1', OUTCOMES[1]);
  expect(await readFile(file, 'utf8')).toBe(whole);
});

it('refuses the log of another model or setting', async () => {
  await written();
  for (const other of [{ scheme: 'fp8' }, { precision: 'fast' }, { weights: 'cc' }, { contextLength: 1024 }]) {
    await expect(OutcomeLog.open(file, { ...SUBJECT, ...other })).rejects.toMatchObject({ code: 'setting_invalid' });
  }
});

it('refuses a damaged line', async () => {
  await written();
  await appendFile(file, '{"work":"work","part":2}\n');
  await expect(OutcomeLog.open(file, SUBJECT)).rejects.toMatchObject({ code: 'setting_invalid' });
});
