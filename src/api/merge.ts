/** What came of one of several sources: a value, an error, or its end. */
export type Arrival<Value> = { index: number } & ({ value: Value } | { error: unknown } | { ended: true });

/**
 * The values of several sources as they come. So many of them run at once; the next one is asked for when one has ended.
 * @param leave called where the loop is left: it ends what the sources wait for
 */
export async function* merged<Value>(
  sources: Iterator<AsyncIterable<Value>> | AsyncIterator<AsyncIterable<Value>>,
  most: number,
  leave: () => void,
): AsyncGenerator<Arrival<Value>, void> {
  const open = new Map<number, AsyncIterator<Value>>();
  const arrived: Arrival<Value>[] = [];
  let wake = (): void => {};
  const pull = async (index: number, source: AsyncIterator<Value>): Promise<void> => {
    try {
      const { done, value } = await source.next();
      arrived.push(done ? { index, ended: true } : { index, value });
    } catch (error) {
      arrived.push({ index, error });
    }
    wake();
  };
  let count = 0;
  let isOver = false;
  const begin = async (): Promise<void> => {
    while (!isOver && open.size < most) {
      const next = await sources.next();
      if (next.done) isOver = true;
      else {
        const source = next.value[Symbol.asyncIterator]();
        open.set(count, source);
        void pull(count++, source);
      }
    }
  };
  try {
    for (await begin(); open.size > 0;) {
      const arrival = arrived.shift();
      if (!arrival) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const { index } = arrival;
      const source = open.get(index)!;
      if (!('value' in arrival)) {
        open.delete(index);
        await begin();
      }
      yield arrival;
      // Whoever takes a value slowly gets the next one late.
      if ('value' in arrival) void pull(index, source);
    }
  } finally {
    leave();
    await Promise.allSettled([...open.values()].map(async (source) => source.return?.()));
  }
}
