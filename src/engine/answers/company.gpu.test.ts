import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Gpu } from '../../gpu/device.ts';
import { Batch } from '../../model/batch/batch.ts';
import type { Model } from '../../model/model.ts';
import type { AnswerSettings } from '../../model/sampler.ts';
import { GREEDY } from '../../sampling.ts';
import { random } from '../../testing/arbitrary.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { attention, common, mamba } from '../../testing/checkpoints/family-configs.ts';
import { loadRandomModel } from '../../testing/models/random-model.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { Company } from '../../generate/company.ts';
import type { Constraint } from '../../generate/constraint.ts';
import { type AnswerPiece, generateIds } from '../../generate/generate.ts';
import { generateStepwise, type StepwiseOptions } from '../../generate/stepwise.ts';

// Answers among others against each of them alone, under schedules that are drawn.

const SLOTS = 4;

/** A request, and when its user comes and goes. */
interface Guest {
  ids: number[];
  settings: AnswerSettings;
  stepwise: () => StepwiseOptions;
  /** Turns of the event loop before it comes. */
  wait: number;
  /** Tokens after which its user leaves. */
  leave: number;
}

/** Allows every other token, in turn the even and the odd ones. */
function alternating(vocabulary: number): Constraint {
  let turn = 0;
  const masks = [0x55555555, 0xaaaaaaaa].map((word) => new Uint32Array(Math.ceil(vocabulary / 32)).fill(word));
  return {
    mask: () => masks[turn % 2]!,
    accept(token) {
      expect(token % 2).toBe(turn % 2);
      turn++;
    },
  };
}

function guests(seed: number, vocabulary: number): Guest[] {
  const next = random(seed);
  const whole = (most: number) => Math.floor(next() * most);
  return Array.from({ length: 7 }, (_, index): Guest => {
    const ids = Array.from({ length: 1 + whole(40) }, () => whole(vocabulary));
    const limit = 1 + whole(24);
    const values = [
      GREEDY,
      { ...GREEDY, temperature: 1, seed: whole(1e6) },
      { ...GREEDY, repetitionPenalty: 1.4, frequencyPenalty: 0.5 },
      { ...GREEDY, temperature: 0.8, topK: 9, logitBias: new Map([[whole(vocabulary), 3]]), seed: whole(1e6) },
    ][whole(4)]!;
    const stopIds = next() < 0.3 ? [whole(vocabulary)] : [];
    const rule = whole(5);
    return {
      ids,
      settings: { values, limit, stopIds, promptIds: ids },
      stepwise: () => (rule === 0 ? { constraint: alternating(vocabulary) } : rule === 1 ? { logprobs: 2 } : {}),
      wait: index < 2 ? 0 : whole(12),
      leave: next() < 0.4 ? 1 + whole(limit) : Infinity,
    };
  });
}

/** Ids and likelihoods, as far as they were asked for. */
async function taken(pieces: AsyncGenerator<AnswerPiece>, most: number) {
  const ids: number[] = [];
  const logprobs: number[] = [];
  for await (const piece of pieces) {
    ids.push(...piece.ids);
    logprobs.push(...(piece.logprobs ?? []).map(({ logprob }) => logprob));
    if (ids.length >= most) break;
  }
  return { ids, logprobs };
}

async function alone(model: Model, { ids, settings, stepwise, leave }: Guest) {
  model.state.reset();
  await model.prefill(ids, { logits: true });
  const options = stepwise();
  const isStepwise = Object.keys(options).length > 0;
  return taken(isStepwise ? generateStepwise(model, settings, options) : generateIds(model, settings), leave);
}

/** Until others have had their turn of the event loop. */
function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

describe.skipIf(!hasAdapter)('a company', () => {
  let gpu: Gpu;
  let model: Model;
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
    const layers = { model_type: 'bamba', num_hidden_layers: 2, attn_layer_indices: [1] };
    model = await loadRandomModel(gpu, { ...common, ...mamba, ...attention, ...layers });
  });
  afterAll(() => {
    model?.dispose();
    gpu?.dispose();
  });

  it.each([1, 2, 3])('gives everyone what they would get alone, whoever comes and goes: %i', async (seed) => {
    const all = guests(seed, model.architecture.vocabSize);
    const wanted = [];
    for (const guest of all) wanted.push(await alone(model, guest));
    const batch = await Batch.create(model, SLOTS);
    try {
      const company = new Company(batch);
      let turn: Promise<unknown> = Promise.resolve();
      /** The model's live sequence is for one at a time. */
      const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
        const own = turn.then(work);
        turn = own.catch(() => null);
        return own;
      };
      const places = { free: SLOTS };
      const found = all.map(async ({ ids, settings, stepwise, wait, leave }) => {
        for (let step = 0; step < wait || places.free === 0; step++) await turnOfLoop();
        places.free--;
        let left: number[] = [];
        const onLeave = (giveBack: () => Promise<void>) =>
          inTurn(async () => {
            await giveBack();
            left = [...model.state.tokens];
          });
        const pieces = company.answer(ids, settings, { ...stepwise(), onLeave });
        const first = await inTurn(async () => {
          model.state.reset();
          await model.prefill(ids, { logits: true });
          return pieces.next();
        });
        async function* whole() {
          if (!first.done) yield first.value;
          yield* pieces;
        }
        const answer = await taken(whole(), leave);
        places.free++;
        return { ...answer, left };
      });
      for (const [guest, { ids, logprobs, left }] of (await Promise.all(found)).entries()) {
        const expected = wanted[guest]!;
        const least = Math.min(ids.length, expected.ids.length);
        const { ids: promptIds, leave } = all[guest]!;
        expect(ids.slice(0, least), `answer ${guest}`).toEqual(expected.ids.slice(0, least));
        expect(least, `answer ${guest}`).toBeGreaterThanOrEqual(Math.min(leave, expected.ids.length));
        for (const [token, value] of logprobs.entries()) expect(value).toBeCloseTo(expected.logprobs[token]!, 3);
        // What was fed is the prompt, and all of the answer but the last, of which steps ahead may have made more.
        expect(left.slice(0, promptIds.length + least - 1)).toEqual([...promptIds, ...ids.slice(0, least - 1)]);
      }
      expect(batch.taken).toEqual([]);
    } finally {
      batch.dispose();
    }
  });

  it('tells all of a fault, and none of one that has only rules of its own at fault', async () => {
    const batch = await Batch.create(model, 2);
    try {
      const company = new Company(batch);
      const ids = [1, 2, 3];
      const settings = { values: GREEDY, limit: 12, stopIds: [], promptIds: ids };
      const begin = async (stepwise: StepwiseOptions) => {
        model.state.reset();
        await model.prefill(ids, { logits: true });
        const pieces = company.answer(ids, settings, stepwise);
        return { first: await pieces.next(), pieces };
      };
      const plain = await begin({});
      let tokens = 0;
      const failing: Constraint = {
        mask: () => new Uint32Array(Math.ceil(model.architecture.vocabSize / 32)).fill(0xffffffff),
        accept() {
          if (++tokens === 3) throw new Error('no rule');
        },
      };
      const other = await begin({ constraint: failing });
      await expect(taken(other.pieces, Infinity)).rejects.toThrow('no rule');
      expect((await taken(plain.pieces, Infinity)).ids).toHaveLength(12 - plain.first.value!.ids.length);
      expect(batch.taken).toEqual([]);
    } finally {
      batch.dispose();
    }
  });
});
