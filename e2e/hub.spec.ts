// Models straight from a repository: the library in a page, against a server that speaks the Hub's paths.

import { createHash } from 'node:crypto';
import { expect, type Page, test } from '@playwright/test';
import { packCheckpoint } from '../src/engine/loading/pack-checkpoint.ts';
import { MODEL_TYPES } from '../src/architecture/config.ts';
import { ALL } from '../src/testing/extent.ts';
import { familyCheckpoint } from '../src/testing/checkpoints/family-checkpoint.ts';
import { FAMILY_CONFIGS } from '../src/testing/checkpoints/family-configs.ts';
import { greedyAnswer } from '../src/testing/models/greedy-answer.ts';
import { readPackageModel } from '../src/testing/checkpoints/package-model.ts';
import { goldenCheckpoint, NO_SPECIAL, readTinyModel, tinyCheckpoint } from '../src/testing/models/tiny-model.ts';
import { memorySource } from '../src/weights/byte-source.ts';
import type { Scheme } from '../src/weights/types.ts';
import { withHeader } from '../src/testing/checkpoints/test-checkpoint.ts';
import { useHubPage } from './hub-page.ts';

const PROMPT = 'What is it?';
const TOKENS = 6;
/** The model's answer by the reference in f64. */
let truth: string;

const served = useHubPage(tinyCheckpoint);

test.beforeAll(async () => {
  truth = greedyAnswer(await readTinyModel(), PROMPT, TOKENS);
});

const weightRequests = () => served.hub.requests.filter((asked) => asked.startsWith('model.safetensors'));

/** Loads `org/name` in the page and asks it; an error is told as `code: message`. */
function answer(page: Page, scheme: Scheme = 'f32'): Promise<string> {
  return page.evaluate(
    async ({ prompt, maxTokens, logitBias, dtype }) => {
      const { createEngine } = window.bamba;
      const onProgress = ({ stage, message }: { stage: string; message?: string }) => {
        const report = message ?? stage;
        if (window.reports.at(-1) !== report) window.reports.push(report);
      };
      try {
        // A context so short spares the programs that only longer prompts take.
        // It is held to the reference, which rounds nothing besides the weights.
        const model = { model: 'org/name', endpoint: location.origin, dtype, contextLength: 32 } as const;
        const engine = await createEngine({ ...model, precision: 'exact', onProgress });
        let text = '';
        for await (const event of engine.generate({ prompt, maxTokens, logitBias })) {
          if (event.type === 'text') text += event.text;
        }
        await engine.dispose();
        return text;
      } catch (error) {
        return `${(error as { code?: string }).code}: ${(error as Error).message}`;
      }
    },
    { prompt: PROMPT, maxTokens: TOKENS, logitBias: NO_SPECIAL, dtype: scheme },
  );
}

test('loads a repository, answers as the reference does, and again without a network', async ({ page }) => {
  await page.goto(served.url);
  expect(await answer(page)).toBe(truth);
  expect(await page.evaluate(() => window.reports)).toEqual(['manifest', 'weights', 'compile', 'ready']);
  const [stored] = await page.evaluate(() => window.bamba.storedModels());
  expect(stored).toMatchObject({
    name: 'name',
    model: 'org/name',
    dtype: 'f32',
    commit: served.hub.commit,
    complete: true,
  });
  expect(stored?.bytes).toBe(stored?.totalBytes);

  served.hub.allowance = 0;
  served.hub.requests.length = 0;
  expect(await answer(page)).toBe(truth);
  expect(served.hub.requests).toEqual([]);

  await page.evaluate((id) => window.bamba.deleteStoredModel(id), stored!.id);
  expect(await page.evaluate(() => window.bamba.storedModels())).toEqual([]);
});

test('tunes when it is asked, ends that when it is aborted, and answers as before', async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto(served.url);
  const outcome = await page.evaluate(
    async ({ prompt, maxTokens, logitBias }) => {
      const { createEngine } = window.bamba;
      const engine = await createEngine({ model: 'org/name', endpoint: location.origin, dtype: 'f32' });
      const abort = new AbortController();
      const told: number[] = [];
      const onProgress = ({ done, total }: { done: number; total: number }) => {
        told.push(done, total);
        abort.abort();
      };
      const fault = await engine.tune({ signal: abort.signal, onProgress }).then(
        () => 'none',
        (error: unknown) => (error as { code: string }).code,
      );
      let text = '';
      for await (const event of engine.generate({ prompt, maxTokens, logitBias })) {
        if (event.type === 'text') text += event.text;
      }
      const { tuned } = engine.info.adapter;
      // A tuning that nobody can end any more ends with the engine.
      const left = engine.tune().catch((error: unknown) => (error as { code: string }).code);
      await engine.dispose();
      return { told, fault, text, tuned, left: await left };
    },
    { prompt: PROMPT, maxTokens: TOKENS, logitBias: NO_SPECIAL },
  );
  const { told, ...others } = outcome;
  expect(others).toEqual({ fault: 'aborted', text: truth, tuned: false, left: 'disposed' });
  expect(told[0]).toBe(1);
  expect(told[1]).toBeGreaterThanOrEqual(7);
});

const DTYPES = ['f32', 'int8', 'int4'] as const;
/** Mamba-1 alone; Mamba-2, attention and experts; and attention with windows. */
const SOME_FAMILIES = ['falcon_mamba', 'granitemoehybrid', 'gemma3_text'];

test('loads a repository of any family, and answers as the reference does', async ({ page }) => {
  test.setTimeout(ALL ? 1_200_000 : 300_000);
  const families = new Map(Object.values(FAMILY_CONFIGS).map((config) => [config['model_type'], config]));
  expect(new Set(families.keys())).toEqual(new Set(MODEL_TYPES));
  await page.goto(served.url);
  // In Firefox, a model of each kind of state is loaded this way; here those of the most different blocks.
  const some = [...families].filter(([name]) => ALL || SOME_FAMILIES.includes(String(name)));
  for (const [index, [family, config]] of some.entries()) {
    const files = familyCheckpoint(config);
    const source = memorySource(files);
    served.hub.files = new Map(Object.entries(files));
    served.hub.commit = createHash('sha1').update(String(family)).digest('hex');
    for (const dtype of ALL ? DTYPES : [DTYPES[index % DTYPES.length]!]) {
      const model = await readPackageModel(await packCheckpoint(source, dtype, 'random'));
      // Each is seen, whatever another one answers.
      const seen = expect.soft(await answer(page, dtype), `${String(family)} in ${dtype}`);
      seen.toBe(greedyAnswer(model, PROMPT, TOKENS));
    }
  }
});

test('goes on after a connection that broke off, and in another tab after this one was closed', async ({ context }) => {
  const page = await context.newPage();
  await page.goto(served.url);
  // More than the pieces of a download that are kept.
  const files = goldenCheckpoint();
  served.hub.files = new Map(Object.entries(files));
  served.hub.allowance = 1_200_000;
  const lost = answer(page).catch(() => 'closed');
  await expect.poll(() => page.evaluate(() => window.reports.join())).toMatch(/Trying again in 1 s/);
  expect(await page.evaluate(() => window.bamba.storedModels())).toMatchObject([{ complete: false }]);
  await page.close();
  expect(await lost).toBe('closed');

  const other = await context.newPage();
  await other.goto(served.url);
  served.hub.allowance = 200_000;
  const answered = answer(other);
  await expect.poll(() => other.evaluate(() => window.reports.join())).toMatch(/Trying again/);
  served.hub.allowance = Infinity;
  const model = await readPackageModel(await packCheckpoint(memorySource(files), 'f32', 'golden'));
  expect(await answered).toBe(greedyAnswer(model, PROMPT, TOKENS));
});

test('downloads in one of two tabs; the other waits, and says so', async ({ context }) => {
  const [one, two] = [await context.newPage(), await context.newPage()];
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const tokenizer = served.hub.files.get('tokenizer.json')!;
  served.hub.fault = (file, _, response) => {
    if (file !== 'tokenizer.json') return false;
    const headers = { 'content-range': `bytes 0-${tokenizer.length - 1}/${tokenizer.length}` };
    void held.then(() => response.writeHead(206, headers).end(tokenizer));
    return true;
  };
  await one.goto(served.url);
  await two.goto(served.url);
  const first = answer(one);
  await expect.poll(() => served.hub.requests.some((asked) => asked.startsWith('tokenizer.json'))).toBe(true);
  const second = answer(two);
  await expect.poll(() => two.evaluate(() => window.reports.join())).toBe('manifest,waiting');
  release();
  expect(await first).toBe(truth);
  const asked = weightRequests().length;
  expect(await second).toBe(truth);
  expect(weightRequests()).toHaveLength(asked);
});

test('says in a sentence what is wrong', async ({ page }) => {
  await page.goto(served.url);
  const good = served.hub.files;
  const text = (value: string) => new TextEncoder().encode(value);
  const config = new TextDecoder().decode(good.get('config.json'));
  const weights = 'model.safetensors';
  const entry = (begin: number, end: number) => ({ dtype: 'F32', shape: [2], data_offsets: [begin, end] });
  const headed = (header: object) => withHeader(JSON.stringify(header), 16);
  const huge = withHeader('{}', 1000);
  new DataView(huge.buffer).setBigUint64(0, BigInt(100 * 2 ** 20), true);
  const index = (map: object) => ({ 'model.safetensors.index.json': text(JSON.stringify({ weight_map: map })) });
  const wrong: [Record<string, Uint8Array>, RegExp][] = [
    [{ 'config.json': text('{"model_type": "gpt2"}') }, /^unsupported_model: .*"gpt2"; supported: .*bamba/],
    [
      { 'config.json': text(config.replace(/"vocab_size":\s*\d+/, '"vocab_size": Infinity')) },
      /^config_invalid: .*vocab_size/,
    ],
    [
      { 'tokenizer.json': text('{"model": {"type": "SentencePiece", "vocab": {}}}') },
      /^config_invalid: .*SentencePiece/,
    ],
    [{ [weights]: good.get(weights)!.slice(0, 100_000) }, /^checkpoint_invalid: .*after the end/],
    [{ [weights]: huge }, /^checkpoint_invalid: model\.safetensors .*header of 104857600 bytes/],
    [{ [weights]: headed({ a: entry(-4, 4) }) }, /^checkpoint_invalid: .*data_offsets/],
    [{ [weights]: headed({ a: entry(0, 8), b: entry(4, 12) }) }, /^checkpoint_invalid: .*overlap/],
    [index({ a: '../../secret.safetensors' }), /^checkpoint_invalid: .*no plain file name/],
    [
      {
        // The index says nothing of a tensor that is wanted, and two files have it.
        ...index({ a: 'one.safetensors', b: 'two.safetensors' }),
        'one.safetensors': headed({ 'model.embed_tokens.weight': entry(0, 8), a: entry(8, 16) }),
        'two.safetensors': headed({ 'model.embed_tokens.weight': entry(0, 8), b: entry(8, 16) }),
      },
      /^checkpoint_invalid: Tensor model\.embed_tokens\.weight is both in \w+\.safetensors and in \w+\.safetensors/,
    ],
  ];
  for (const [files, message] of wrong) {
    served.hub.files = new Map([...good, ...Object.entries(files)]);
    // A single file of weights comes before an index.
    if ('model.safetensors.index.json' in files) served.hub.files.delete(weights);
    served.hub.requests.length = 0;
    expect(await answer(page), Object.keys(files).join()).toMatch(message);
    // Headers alone were read.
    for (const asked of weightRequests()) expect(Number(/ 0-(\d+)$/.exec(asked)?.[1])).toBeLessThan(131_072);
  }
  served.hub.files = good;
  served.hub.token = 'secret';
  expect(await answer(page)).toMatch(/^access_denied: .*access token/);
  served.hub.token = null;
  served.hub.fault = (_, __, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>');
    return true;
  };
  expect(await answer(page)).toMatch(/^network: .*web page in place of the file/);
});
