/** A lock, as its holder and those who wait for it have it. */
interface Request {
  name: string;
  owner: object;
  begin: () => void;
  /** As where its owner is gone: nothing is heard of it any more. */
  drop: () => void;
}

/** Web Locks of one site, exclusive ones. Each owner, a page or a worker, loses its own when it is gone. */
export class FakeLocks {
  /** By name, the holder first. */
  readonly #requests = new Map<string, Request[]>();
  readonly #gone = new WeakSet<object>();

  /** The locks as `owner` sees them. */
  of(owner: object): Pick<LockManager, 'query'> & {
    request<T>(
      name: string,
      options: { signal?: AbortSignal; ifAvailable?: boolean },
      work: (lock: object | null) => Promise<T>,
    ): Promise<T>;
  } {
    return {
      request: async (name, { signal, ifAvailable = false }, work) => {
        signal?.throwIfAborted();
        if (this.#gone.has(owner)) return new Promise(() => {});
        const requests = this.#requests.get(name) ?? [];
        this.#requests.set(name, requests);
        if (ifAvailable && requests.length > 0) return work(null);
        return new Promise((resolve, reject) => {
          // A page may give work that returns nothing.
          const hold = async () => work({ name });
          const leave = (): void => {
            const place = requests.indexOf(request);
            if (place < 0) return;
            requests.splice(place, 1);
            if (place === 0) requests[0]?.begin();
          };
          const giveUp = (): void => {
            leave();
            reject(signal!.reason as Error);
          };
          const request: Request = {
            name,
            owner,
            drop: leave,
            begin: () => {
              signal?.removeEventListener('abort', giveUp);
              // Granted in a task of its own, and to nobody who is gone by then.
              setTimeout(() => {
                if (requests[0] === request) void hold().then(resolve, reject).finally(leave);
              });
            },
          };
          signal?.addEventListener('abort', giveUp);
          requests.push(request);
          if (requests.length === 1) request.begin();
        });
      },
      query: async () => ({
        held: [...this.#requests.values()].flatMap(([first]) => (first ? [{ name: first.name }] : [])),
        pending: [],
      }),
    };
  }

  /** `owner` is gone: all that it holds becomes free, and it gets nothing any more. */
  free(owner: object): void {
    this.#gone.add(owner);
    for (const requests of this.#requests.values()) {
      for (const request of requests.filter((one) => one.owner === owner)) request.drop();
    }
  }
}
