import { describe, expect, test } from 'vitest';
import { BambaError, type ErrorCode } from '../errors.ts';
import type { EngineStatus } from './protocol.ts';
import { Recovery } from './recovery.ts';

const lost = (code: ErrorCode = 'device_lost') => new BambaError(code, `It was ${code}.`);
const withCode = (code: string) => expect.objectContaining({ name: 'BambaError', code }) as unknown;

/** Makes numbered things, of which the tries in `failing` fail; tells what happens. */
function numbered({ failing = [] as ErrorCode[], pauses = [0, 1, 2], calm = 60_000 } = {}) {
  const told: string[] = [];
  const freed: number[] = [];
  let made = 0;
  const recovery = new Recovery<{ name: number }>({
    async make(tries, signal) {
      signal.throwIfAborted();
      await Promise.resolve();
      const code = failing.shift();
      if (code) throw lost(code);
      told.push(`make ${tries}`);
      return { name: ++made };
    },
    free: ({ name }) => void freed.push(name),
    isLoss: ({ code }) => code === 'device_lost',
    onStatus: ({ status, attempt, reason }: EngineStatus) => void told.push(`${status} ${attempt} ${reason}`),
    tries: { pauses, calm },
  });
  return { recovery, told, freed };
}

describe('what is lost', () => {
  test('is freed, made again, and there for all who wait', async () => {
    const { recovery, told, freed } = numbered();
    const first = await recovery.begin();
    expect(await recovery.get()).toBe(first);
    recovery.lose(first, lost());
    recovery.lose(first, lost('out_of_memory'));
    expect(await Promise.all([recovery.get(), recovery.get()])).toEqual([{ name: 2 }, { name: 2 }]);
    expect(freed).toEqual([1]);
    expect(told).toEqual(['make 0', 'recovering 1 device_lost', 'make 1', 'ready 1 device_lost']);
    // Whoever still has the old one says nothing new.
    recovery.lose(first, lost());
    expect(await recovery.get()).toEqual({ name: 2 });
  });

  test('while it was made for the first time is made again, other faults are told at once', async () => {
    const once = numbered({ failing: ['device_lost', 'webgpu_unavailable'] });
    expect(await once.recovery.begin()).toEqual({ name: 1 });
    expect(once.told).toEqual([
      'recovering 1 device_lost',
      'recovering 2 device_lost',
      'make 2',
      'ready 2 device_lost',
    ]);
    const refused = numbered({ failing: ['unsupported_model'] });
    await expect(refused.recovery.begin()).rejects.toEqual(withCode('unsupported_model'));
    expect(refused.told).toEqual([]);
  });

  test('is given up after all tries, with both reasons, and tried again after a calm time', async () => {
    const failing: ErrorCode[] = [];
    const { recovery, told } = numbered({ failing, calm: 50 });
    const first = await recovery.begin();
    failing.push('webgpu_unavailable', 'webgpu_unavailable', 'webgpu_unavailable');
    recovery.lose(first, lost());
    const message = expect.stringMatching(/device_lost.* tried 3 times .*webgpu_unavailable/) as string;
    await expect(recovery.get()).rejects.toMatchObject({ code: 'webgpu_unavailable', message });
    await expect(recovery.get()).rejects.toMatchObject({ code: 'webgpu_unavailable', message });
    expect(told.filter((one) => one.startsWith('failed'))).toEqual(['failed 3 device_lost']);
    await new Promise((resolve) => {
      setTimeout(resolve, 60);
    });
    expect(await recovery.get()).toEqual({ name: 2 });
  });

  test('again and again is given up as well, unless it was well for long, or of use', async () => {
    const soon = numbered();
    let thing = await soon.recovery.begin();
    for (let time = 0; time < 3; time++) {
      soon.recovery.lose(thing, lost());
      thing = await soon.recovery.get();
    }
    soon.recovery.lose(thing, lost());
    await expect(soon.recovery.get()).rejects.toEqual(withCode('device_lost'));

    const late = numbered({ calm: 0 });
    thing = await late.recovery.begin();
    for (let time = 0; time < 10; time++) {
      late.recovery.lose(thing, lost());
      thing = await late.recovery.get();
    }
    expect(thing).toEqual({ name: 11 });

    const working = numbered();
    thing = await working.recovery.begin();
    for (let time = 0; time < 10; time++) {
      working.recovery.noteWork(thing);
      working.recovery.lose(thing, lost());
      thing = await working.recovery.get();
    }
    expect(thing).toEqual({ name: 11 });
  });

  test('is waited for no longer than anybody wants, and is there for the next', async () => {
    const { recovery } = numbered({ pauses: [20] });
    recovery.lose(await recovery.begin(), lost());
    const controller = new AbortController();
    const waiting = recovery.get(controller.signal);
    controller.abort();
    await expect(waiting).rejects.toEqual(withCode('aborted'));
    expect(await recovery.get()).toEqual({ name: 2 });
  });

  test('is not made again once it has ended, however far it is', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const { recovery, freed, told } = numbered({ pauses: [0] });
      recovery.lose(await recovery.begin(), lost());
      const waiting = recovery.get();
      waiting.catch(() => {});
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setTimeout(resolve));
      const before = recovery.thing;
      await recovery.end(lost('disposed'));
      await recovery.end(lost('internal'));
      await expect(recovery.get()).rejects.toEqual(withCode('disposed'));
      const made = told.filter((one) => one.startsWith('make')).length;
      expect(freed).toHaveLength(made);
      if (!before) await expect(waiting).rejects.toEqual(withCode('disposed'));
    }
  });
});
