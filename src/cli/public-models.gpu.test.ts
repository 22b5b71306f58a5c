import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../engine/loading/load.ts';
import { means, scoreSequence, total } from '../generate/perplexity.ts';
import { type ForwardModel, forwardModel } from '../generate/prompt-logprobs.ts';
import { Gpu } from '../gpu/device.ts';
import type { Model } from '../model/model.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { ALL, every } from '../testing/extent.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { openModel } from './open-model.ts';

// Trained models that `npm run get:public` brings, beside llama.cpp on a processor. Of a quantized file llama.cpp rounds
// activations to 8 bits, too. So there are two results of it: `file` is of the file as it is, `exact` of a file with the
// same weights in f32, where it rounds nothing. Ours in f32 are held to the exact one, and to the other as far as that is
// exact.

const ROOT = join(import.meta.dirname, '../..');

/** A greedy continuation, and by how many nats each token leads the next best. */
interface Continuation {
  tokens: number[];
  margins: number[];
}

interface Results {
  prompts: { ids: number[]; file: Continuation; exact: Continuation }[];
  /** A public-domain text in pieces; mean negative log-likelihood of all tokens but the first of each, in nats. */
  text: { sequences: number[][]; file: number; exact: number };
}

const RESULTS = JSON.parse(readFileSync(join(ROOT, 'src/testing/fixtures/public-results.json'), 'utf8')) as Readonly<
  Record<'smollm2', Results>
>;

/** Nats that margins of two exact programs may differ by; a token that leads by more is decided. */
const EXACT = 0.01;
/** Where activations are rounded to 8 bits: llama.cpp's own margins move by up to 0.52 nats by that. */
const ROUNDED = 0.6;
/** What perplexities may differ by, of the smaller. */
const PERPLEXITY = 0.005;

/** Runs a continuation behind a prompt. @returns the best token at each of its places, and by how much it leads. */
async function alongside(model: ForwardModel, ids: readonly number[], tokens: readonly number[]) {
  const { vocabSize } = model.architecture;
  model.state.reset();
  const { logits } = await model.forward([...ids, ...tokens.slice(0, -1)]);
  return tokens.map((_, at) => {
    const row = logits.subarray((ids.length - 1 + at) * vocabSize, (ids.length + at) * vocabSize);
    const [best, second] = row.reduce<[number, number]>(
      ([first, next], logit, id) => {
        if (logit > row[first]!) return [id, first];
        return [first, id !== first && logit > (row[next] ?? -Infinity) ? id : next];
      },
      [0, -1],
    );
    return { best, lead: row[best]! - row[second]! };
  });
}

describe.skipIf(!hasAdapter).each([['SmolLM2-135M-Instruct', 'SmolLM2-135M-Instruct.Q4_1.gguf', 'smollm2']] as const)(
  '%s',
  (_, file, key) => {
    const path = join(ROOT, 'trained', file);
    const isMissing = !existsSync(path);
    if (isMissing) console.warn(`SKIPPED: there is no trained/${file}. \`npm run get:public\` brings it.`);
    const { prompts, text } = RESULTS[key];
    let gpu: Gpu;
    let model: Model;
    let scored: ForwardModel;
    beforeAll(async () => {
      if (isMissing) return;
      gpu = await Gpu.request({ gpu: sharedGpu() });
      model = await loadModel(gpu, await openModel(path, 'f32', 'f32'));
      scored = forwardModel(model);
    }, 300_000);
    afterAll(() => {
      model?.dispose();
      gpu?.dispose();
    });

    it.skipIf(isMissing)('continues prompts by the tokens of llama.cpp', { timeout: 3_600_000 }, async () => {
      let [decided, places] = [0, 0];
      for (const { ids, file: rounded, exact } of every(7, prompts)) {
        const ours = await alongside(scored, ids, exact.tokens);
        for (const [at, { best, lead }] of ours.entries()) {
          const [token, margin] = [exact.tokens[at]!, exact.margins[at]!];
          places++;
          if (margin > EXACT) decided++;
          const place = `place ${at} behind ${ids.join()}`;
          if (margin > EXACT) expect.soft(best, place).toBe(token);
          if (best === token) expect.soft(Math.abs(lead - margin), place).toBeLessThan(EXACT);
        }
        // Both continue one text up to where theirs parts from it.
        const parts = rounded.tokens.findIndex((token, at) => token !== exact.tokens[at]);
        if (parts >= 0) expect.soft(rounded.margins[parts]).toBeLessThan(ROUNDED);
      }
      expect(decided).toBeGreaterThan(0.95 * places);
    });

    it.skipIf(isMissing || !ALL)('finds a text as likely as llama.cpp does', { timeout: 7_200_000 }, async () => {
      const scores = [];
      for (const ids of text.sequences) {
        scores.push(await scoreSequence(scored, { ids, answer: ids.map((_id, at) => (at > 0 ? 1 : 0)) }));
      }
      const { nll } = means(total(scores));
      expect(Math.abs(nll - text.exact)).toBeLessThan(5e-4);
      expect(Math.abs(Math.expm1(nll - text.file))).toBeLessThan(PERPLEXITY);
    });
  },
);
