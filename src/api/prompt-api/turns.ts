import type { Engine } from '../../engine/protocol.ts';

/** The requests of sessions to one engine, one after the other, in their order. */
export class Turns {
  static readonly #of = new WeakMap<Engine, Turns>();
  #last: Promise<void> = Promise.resolve();

  /** The same ones for whoever asks this engine. */
  static of(engine: Engine): Turns {
    const turns = Turns.#of.get(engine) ?? new Turns();
    Turns.#of.set(engine, turns);
    return turns;
  }

  /** Does `work` when all before it is done. @throws the signal's reason where it is aborted until then. */
  async take<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last;
    let leave = (): void => {};
    const mine = new Promise<void>((resolve) => {
      leave = resolve;
    });
    this.#last = before.then(() => mine);
    try {
      await unlessAborted(before, signal);
      return await work();
    } finally {
      leave();
    }
  }
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as it is aborted. */
export async function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  promise.catch(() => {}); // nobody's, once it is not waited for
  signal.throwIfAborted();
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
    signal.addEventListener('abort', stop);
  });
  try {
    await Promise.race([promise, stopped]);
    signal.throwIfAborted();
    return await promise;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
