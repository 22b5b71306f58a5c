import { expect, test, vi } from 'vitest';
import type { LoadProgress } from '../../engine/protocol.ts';
import { SessionEngine } from '../../testing/engines/session-engine.ts';
import { Monitor } from './monitor.ts';
import { SharedEngine } from './shared-engine.ts';

/** Loads engines that the test finishes by hand. */
function loader() {
  const engines: SessionEngine[] = [];
  const loads: {
    finish: () => void;
    fail: (error: Error) => void;
    report: (progress: number) => void;
    signal: AbortSignal;
  }[] = [];
  const shared = new SharedEngine(
    ({ signal, onProgress }) =>
      new Promise((resolve, reject) => {
        loads.push({
          signal,
          report: (progress) => onProgress({ progress } as LoadProgress),
          fail: reject,
          finish: () => resolve((engines[engines.length] = new SessionEngine())),
        });
      }),
    (engine) => engine.dispose(),
  );
  return { shared, loads, engines };
}

const { signal } = new AbortController();
const deaf = (): void => {};

test('is loaded once for all, and freed with the last of them', async () => {
  const { shared, loads, engines } = loader();
  const heard: number[] = [];
  const both = [shared.lease(signal, ({ progress }) => heard.push(progress)), shared.lease(signal, deaf)];
  expect(shared.state).toBe('loading');
  loads[0]!.report(0.5);
  loads[0]!.finish();
  const [one, two] = await Promise.all(both);
  expect(heard).toEqual([0.5]);
  expect([loads.length, shared.state]).toEqual([1, 'ready']);
  const third = one!.again();
  one!.release();
  one!.release();
  two!.release();
  expect(engines[0]!.disposed).toBe(0);
  third.release();
  await vi.waitFor(() => expect(engines[0]!.disposed).toBe(1));
  expect(shared.state).toBe('none');
});

test('is not loaded any more once nobody waits for it, and goes on while somebody does', async () => {
  const { shared, loads, engines } = loader();
  const controllers = [new AbortController(), new AbortController()];
  const asked = controllers.map((controller) => shared.lease(controller.signal, deaf));
  controllers[0]!.abort();
  await expect(asked[0]).rejects.toMatchObject({ name: 'AbortError' });
  expect(loads[0]!.signal.aborted).toBe(false);
  controllers[1]!.abort();
  await expect(asked[1]).rejects.toMatchObject({ name: 'AbortError' });
  expect(loads[0]!.signal.aborted).toBe(true);
  expect(shared.state).toBe('none');
  // One that comes all the same is freed.
  loads[0]!.finish();
  await vi.waitFor(() => expect(engines[0]!.disposed).toBe(1));
});

test('is loaded anew after it could not be loaded, and after it broke down', async () => {
  const { shared, loads } = loader();
  const failed = shared.lease(signal, deaf);
  loads[0]!.fail(new Error('No network.'));
  await expect(failed).rejects.toThrow('No network.');
  const again = shared.lease(signal, deaf);
  loads[1]!.finish();
  (await again).spoil();
  expect(shared.state).toBe('none');
  const third = shared.lease(signal, deaf);
  loads[2]!.finish();
  expect((await third).engine).not.toBe((await again).engine);
});

test('stays for the next session after a look', async () => {
  const { shared, loads, engines } = loader();
  const looked = shared.look(signal);
  loads[0]!.finish();
  expect((await looked).info.model.name).toBe('scripted');
  (await shared.lease(signal, deaf)).release();
  await vi.waitFor(() => expect([loads.length, engines[0]!.disposed]).toEqual([1, 1]));
});

test('a monitor tells of progress that grows, to listeners and to the handler', () => {
  const heard: [string, number, number][] = [];
  const monitor = new Monitor((given) => {
    given.addEventListener('downloadprogress', ({ loaded, total }) => heard.push(['listener', loaded, total]));
    given.ondownloadprogress = ({ loaded, total }) => heard.push(['handler', loaded, total]);
  });
  for (const share of [0, 0.5, 0.4, 1]) monitor.tell(share);
  const shares = [0, 0.5, 1];
  expect(heard.filter(([who]) => who === 'listener').map(([, loaded]) => loaded)).toEqual(shares);
  expect(heard.filter(([who]) => who === 'handler').map(([, loaded]) => loaded)).toEqual(shares);
  expect(new Set(heard.map(([, , total]) => total))).toEqual(new Set([1]));
});
