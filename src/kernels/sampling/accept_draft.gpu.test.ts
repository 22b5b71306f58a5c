import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BufferSet, readBuffer, slice } from '../../gpu/buffers.ts';
import { Plan, STEP_BYTES } from '../../gpu/plan.ts';
import { acceptDrafts } from '../../reference/accept_draft.ts';
import { GREEDY } from '../../sampling.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { acceptDraft, acceptDraftKernel } from './accept_draft.ts';
import { logitsProcess, partialsBytes } from './logits_process.ts';
import { OUTPUT_BYTES, OUTPUT_STATE, sample } from './sample.ts';
import { packSampling, SAMPLING_BYTES } from './sampling-settings.ts';

const VOCABULARY = 7;
/** Tokens of the sequence, and of the answer, before the pass. */
const BEFORE = { position: 20, emitted: 3 };

/** Few tokens, so that drafts are right more often than not. */
const tokens = (length: number) => fc.array(fc.nat(1), { minLength: length, maxLength: length });

/** A pass over some positions: what each would give, and what those behind the first were fed. */
const passes = () =>
  fc
    .integer({ min: 1, max: 16 })
    .chain((positions) => fc.record({ sampled: tokens(positions), drafts: tokens(positions - 1) }));

describeGpu(acceptDraftKernel, (gpu) => {
  const uints = (...values: number[]) => gpu().input(Uint32Array.from(values));
  const words = (bytes: number) => uints(...Array.from({ length: bytes / 4 }, () => 0));

  /** Samples a pass greedily, between the samplers `accept_draft`. */
  async function pass(sampled: readonly number[], drafts: readonly number[], limit: number, stopIds: number[]) {
    const settings = gpu().input(new Uint8Array(packSampling(GREEDY, { limit, stopIds })));
    const counts = words(4 * VOCABULARY);
    const own = { settings, counts, partials: words(partialsBytes(VOCABULARY)) };
    const [ids, output] = [uints(9), words(OUTPUT_BYTES)];
    const step = uints(BEFORE.position, 1, 0, BEFORE.emitted);
    const verified = uints(BEFORE.position, 1, 0, 0);
    const specs = sampled.flatMap((token, position) => {
      const last = position === sampled.length - 1;
      const logits = gpu().input(Float32Array.from({ length: VOCABULARY }, (_, id) => (id === token ? 2 : id / 10)));
      const draft = uints(drafts[position] ?? 0);
      return [
        logitsProcess(gpu().features, 'test', { ...own, logits, bias: counts, mask: counts }, VOCABULARY),
        sample(gpu().features, 'test', { ...own, logits, ids, output, step }, VOCABULARY),
        ...(last ? [] : [acceptDraft(gpu().features, 'test', { ids, draft, step, verified })]),
        ...(last ? [acceptDraft(gpu().features, 'test', { ids, draft, step, verified }, { last })] : []),
      ];
    });
    await gpu().run(specs, { tokens: 1 });
    const read = async (of: typeof ids) => new Uint32Array(await readBuffer(gpu().gpu.device, of));
    const out = await read(output);
    const [position, , halted, emitted] = await read(step);
    return {
      tokens: [...out.subarray(2 + BEFORE.emitted, 2 + emitted!)],
      ended: out[1] === OUTPUT_STATE.ended,
      step: { position, halted, emitted },
      verified: (await read(verified))[1],
    };
  }

  it('goes on as long as drafts are what is sampled, and the answer goes on', async () => {
    await fc.assert(
      fc.asyncProperty(passes(), fc.integer({ min: 1, max: 20 }), fc.boolean(), async (given, room, stops) => {
        const limit = BEFORE.emitted + room;
        const stopIds = stops ? [1] : [];
        const found = await pass(given.sampled, given.drafts, limit, stopIds);
        const ends = (token: number, n: number) => stopIds.includes(token) || n + 1 === room;
        const wanted = acceptDrafts(given.drafts, given.sampled, ends);
        const count = wanted.tokens.length;
        expect(found).toEqual({
          ...wanted,
          step: {
            position: BEFORE.position + count,
            halted: wanted.ended ? 1 : 0,
            emitted: BEFORE.emitted + count,
          },
          verified: count,
        });
      }),
      { numRuns: 30 },
    );
  });

  it('draws the token behind a draft as often as it is likely, and no other in its place', async () => {
    const { device } = gpu().gpu;
    const logits = [0, 1].map((position) =>
      Float32Array.from({ length: VOCABULARY }, (_, id) => Math.sin(3 * id + position)),
    );
    const shares = logits.map((values) => {
      const total = values.reduce((sum, logit) => sum + Math.exp(logit), 0);
      return Array.from(values, (logit) => Math.exp(logit) / total);
    });
    const settings = words(SAMPLING_BYTES);
    const counts = words(4 * VOCABULARY);
    const own = { settings, counts, partials: words(partialsBytes(VOCABULARY)) };
    const draft = 1;
    const [ids, output, verified] = [uints(0), words(OUTPUT_BYTES), words(16)];
    const step = new BufferSet(device, 'test').storageAndUniform('step', STEP_BYTES);
    const drafts = { ids, draft: uints(draft), step: slice(step), verified };
    const specs = logits.flatMap((values, position) => [
      logitsProcess(
        gpu().features,
        'test',
        { ...own, logits: gpu().input(values), bias: counts, mask: counts },
        VOCABULARY,
      ),
      sample(
        gpu().features,
        'test',
        { ...own, logits: gpu().input(values), ids, output, step: slice(step) },
        VOCABULARY,
      ),
      acceptDraft(gpu().features, 'test', drafts, { last: position === 1 }),
    ]);
    const plan = await Plan.build(device, gpu().cache, step, specs);
    const firsts = logits[0]!.map(() => 0);
    const seconds = logits[0]!.map(() => 0);
    for (let seed = 0; seed < 700; seed++) {
      const values = { ...GREEDY, temperature: 1, seed: seed * 7919 };
      device.queue.writeBuffer(settings.buffer, 0, packSampling(values, { limit: 9, stopIds: [] }));
      device.queue.writeBuffer(step, 0, new Uint32Array(4));
      const encoder = device.createCommandEncoder();
      const commands = encoder.beginComputePass();
      plan.record(commands, 1);
      commands.end();
      device.queue.submit([encoder.finish()]);
      const [emitted, , first, second] = new Uint32Array(await readBuffer(device, output));
      expect(emitted).toBe(first === draft ? 2 : 1);
      firsts[first!]!++;
      if (emitted === 2) seconds[second!]!++;
    }
    step.destroy();
    for (const [position, found] of [firsts, seconds].entries()) {
      const runs = found.reduce((sum, count) => sum + count, 0);
      const chi2 = found.reduce((sum, count, id) => {
        const expected = runs * shares[position]![id]!;
        return sum + (count - expected) ** 2 / expected;
      }, 0);
      expect(runs).toBeGreaterThan(100);
      // With 6 degrees of freedom, 22.5 is passed in one of a thousand draws; the seeds are always the same.
      expect(chi2, `position ${position}`).toBeLessThan(22.5);
    }
  });
});
