import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BambaError } from '../errors.ts';
import { Turns } from './turns.ts';

const withCode = (code: string) => expect.objectContaining({ name: 'BambaError', code }) as unknown;
const rest = async () => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

describe('turns', () => {
  test('come in the order in which they were asked for, one at a time', async () => {
    const turns = new Turns();
    const order: number[] = [];
    let inside = 0;
    const work = async (name: number) => {
      const leave = await turns.take();
      expect(++inside).toBe(1);
      await rest();
      order.push(name);
      inside--;
      leave();
      leave();
    };
    await Promise.all([0, 1, 2, 3].map(work));
    expect(order).toEqual([0, 1, 2, 3]);
  });

  test('are refused where somebody does not want to wait, and only while another has it', async () => {
    const turns = new Turns();
    const leave = await turns.take({ queue: false });
    await expect(turns.take({ queue: false })).rejects.toEqual(withCode('busy'));
    leave();
    await expect(turns.take({ queue: false })).resolves.toBeTypeOf('function');
  });

  test('that are over have no turn for those who wait, nor for those who come', async () => {
    const turns = new Turns();
    const leave = await turns.take();
    const waiting = [turns.take(), turns.take()];
    turns.end(new BambaError('disposed', 'Gone.'));
    for (const one of waiting) await expect(one).rejects.toEqual(withCode('disposed'));
    leave();
    await expect(turns.take()).rejects.toEqual(withCode('disposed'));
  });

  test('are as many at once as there is room for, also where that changes', async () => {
    let most = 2;
    const turns = new Turns(() => most);
    const leave = await turns.take();
    await turns.take();
    await expect(turns.take({ queue: false })).rejects.toMatchObject({
      code: 'busy',
      message: expect.stringContaining('2 other requests') as string,
    });
    const order: string[] = [];
    const third = turns.take().then(() => order.push('third'));
    const fourth = turns.take().then(() => order.push('fourth'));
    const before = turns.take({ first: true }).then(() => order.push('first'));
    leave();
    await before;
    expect([order, turns.taken]).toEqual([['first'], 2]);
    most = 4;
    turns.look();
    await Promise.all([third, fourth]);
    expect([order, turns.taken]).toEqual([['first', 'third', 'fourth'], 4]);
  });

  test('that are for one alone wait for all others, and all others for them', async () => {
    const turns = new Turns(() => 8);
    const holders = await Promise.all([turns.take(), turns.take()]);
    const order: string[] = [];
    const abort = new AbortController();
    const takenBack = turns.take({ alone: true, signal: abort.signal });
    const alone = turns.take({ alone: true }).then((leave) => {
      order.push('alone');
      return leave;
    });
    const behind = turns.take().then(() => order.push('behind'));
    expect(turns.next).toMatchObject({ alone: true });
    abort.abort();
    await expect(takenBack).rejects.toEqual(withCode('aborted'));
    for (const leave of holders) {
      await rest();
      expect(order).toEqual([]);
      leave();
    }
    const leave = await alone;
    await rest();
    expect(order).toEqual(['alone']);
    leave();
    await behind;
    expect(order).toEqual(['alone', 'behind']);
  });

  test('go to whoever is left, however many leave the queue, and when', async () => {
    const plan = fc.array(fc.record({ abort: fc.constantFrom('never', 'before', 'waiting', 'late') }), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(plan, async (asked) => {
        const turns = new Turns();
        const leave = await turns.take();
        const served: number[] = [];
        const controllers = asked.map(() => new AbortController());
        const all = asked.map(async ({ abort }, index) => {
          if (abort === 'before') controllers[index]!.abort();
          const release = await turns.take({ signal: controllers[index]!.signal });
          served.push(index);
          await rest();
          release();
        });
        const outcomes = Promise.allSettled(all);
        await rest();
        for (const [index, { abort }] of asked.entries()) if (abort === 'waiting') controllers[index]!.abort();
        leave();
        for (const [index, { status }] of (await outcomes).entries()) {
          const left = ['before', 'waiting'].includes(asked[index]!.abort);
          expect(status).toBe(left ? 'rejected' : 'fulfilled');
        }
        // An abort that comes when it is all over changes nothing.
        for (const controller of controllers) controller.abort();
        const staying = asked.flatMap(({ abort }, index) => (['never', 'late'].includes(abort) ? [index] : []));
        expect(served).toEqual(staying);
        (await turns.take({ queue: false }))();
      }),
      { numRuns: 50 },
    );
  });
});
