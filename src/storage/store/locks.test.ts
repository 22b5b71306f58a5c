import { describe, expect, it, vi } from 'vitest';
import { type Locks, withFreeLock } from './locks.ts';

const NEVER = new Promise<never>(() => {});

describe('a lock that is to be free', () => {
  const work = () => vi.fn(async () => {});

  it('is taken for the work, or left to whoever has it', async () => {
    for (const lock of [{}, null]) {
      const locks: Locks = { request: async (_name, _options, begin) => begin(lock) };
      const done = work();
      expect(await withFreeLock(locks, 'x', done)).toBe(lock !== null);
      expect(done).toHaveBeenCalledTimes(lock ? 1 : 0);
    }
  });

  it('is not waited for where the browser does not answer, and nothing is done later', async () => {
    let begin: () => Promise<unknown> = () => NEVER;
    const locks: Locks = {
      request: (_name, _options, given) =>
        new Promise((resolve, reject) => {
          begin = async () => given({}).then(resolve, reject);
        }),
    };
    const done = work();
    await expect(withFreeLock(locks, 'x', done, 20)).rejects.toMatchObject({ code: 'storage_unavailable' });
    await begin();
    expect(done).not.toHaveBeenCalled();
  });

  it('may take its time once it has begun', async () => {
    const locks: Locks = { request: async (_name, _options, begin) => begin({}) };
    const slowly = async () => {
      await new Promise((resolve) => {
        setTimeout(resolve, 60);
      });
    };
    expect(await withFreeLock(locks, 'x', slowly, 20)).toBe(true);
  });

  it('is done without where the page may not have any', async () => {
    const locks: Locks = { request: async () => Promise.reject(new DOMException('sandboxed', 'SecurityError')) };
    const done = work();
    expect(await withFreeLock(locks, 'x', done)).toBe(true);
    expect(done).toHaveBeenCalledOnce();
  });

  it('passes on what the work fails with', async () => {
    const locks: Locks = { request: async (_name, _options, begin) => begin({}) };
    const failing = async () => {
      throw new Error('mine');
    };
    await expect(withFreeLock(locks, 'x', failing)).rejects.toThrow('mine');
  });
});
