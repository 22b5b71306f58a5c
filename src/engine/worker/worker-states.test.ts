import { describe, expect, it } from 'vitest';
import { BambaError } from '../../errors.ts';
import { FakeWorker, NEVER, SHORT_DEADLINES } from '../../testing/browser/fake-worker.ts';
import { loadInWorker } from '../client.ts';
import type { StateEngine } from '../protocol.ts';
import { toWire } from './wire.ts';

// States on their way between page and worker: whole in both directions, and waited for no longer than anything else.

const load = (worker: FakeWorker): Promise<StateEngine> =>
  loadInWorker({ model: 'org/name' }, worker.start, SHORT_DEADLINES);
const MESSAGES = [{ role: 'user', content: 'Well?' }] as const;

describe('a state that is moved', () => {
  it('comes from the worker as bytes, with the messages that were given', async () => {
    const seen: unknown[] = [];
    const exportState = async (messages: unknown) => {
      seen.push(messages);
      return { value: new Uint8Array([5, 6]) };
    };
    const engine = await load(new FakeWorker({ exportState }));
    expect(await engine.exportState(MESSAGES)).toEqual(new Uint8Array([5, 6]));
    expect(seen).toEqual([MESSAGES]);
    await engine.dispose();
  });

  it('goes to the worker as a copy, of a part of a larger buffer too', async () => {
    const seen: Uint8Array[] = [];
    const importState = async (bytes: Uint8Array) => {
      seen.push(bytes);
      return { value: { messages: MESSAGES, tokens: 7 } };
    };
    const engine = await load(new FakeWorker({ importState }));
    const whole = new Uint8Array([1, 2, 3, 4]);
    expect(await engine.importState(whole.subarray(1, 3))).toEqual({ messages: MESSAGES, tokens: 7 });
    expect(seen).toEqual([new Uint8Array([2, 3])]);
    expect(whole).toEqual(new Uint8Array([1, 2, 3, 4]));
    await engine.dispose();
  });

  it('is refused with the words of the worker', async () => {
    const fault = new BambaError('state_invalid', 'The kept state is cut short.');
    const engine = await load(new FakeWorker({ importState: async () => ({ error: toWire(fault) }) }));
    await expect(engine.importState(new Uint8Array())).rejects.toMatchObject({ name: 'BambaError', ...toWire(fault) });
    await engine.dispose();
  });

  it('can be taken back', async () => {
    const stopped = async (_: unknown, port: MessagePort) => {
      await new Promise((resolve) => {
        port.addEventListener('message', resolve);
        port.start();
      });
      return { error: { code: 'aborted', message: 'Stopped.' } as const };
    };
    for (const way of ['exportState', 'importState'] as const) {
      const engine = await load(new FakeWorker({ [way]: stopped }));
      const controller = new AbortController();
      const { signal } = controller;
      const moving =
        way === 'exportState'
          ? engine.exportState(MESSAGES, { signal })
          : engine.importState(new Uint8Array(1), { signal });
      controller.abort();
      await expect(moving).rejects.toMatchObject({ code: 'aborted' });
      await engine.dispose();
    }
  });

  it('is not waited for where the worker is stuck', async () => {
    const worker = new FakeWorker({ exportState: () => NEVER });
    const engine = await load(worker);
    const controller = new AbortController();
    const moving = engine.exportState(MESSAGES, { signal: controller.signal });
    worker.stuck = true;
    controller.abort();
    await expect(moving).rejects.toMatchObject({ code: 'worker_failed' });
    expect(worker.terminated).toBeGreaterThan(0);
  });
});
