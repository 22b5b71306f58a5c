import { getHeapStatistics } from 'node:v8';
import fc from 'fast-check';

/** One change of a text, as damage and malice make them. */
const mutation = fc.oneof(
  fc.record({ kind: fc.constant('flip'), at: fc.nat(), with: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant('cut'), at: fc.nat(), with: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant('double'), at: fc.nat(), with: fc.integer({ min: 1, max: 200 }) }),
  fc.record({
    kind: fc.constant('number'),
    at: fc.nat(),
    with: fc.constantFrom('-1', '1e308', '1e999', '0.5', '9007199254740993', 'null', '"4"', '[]', '{}', '4294967296'),
  }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

/** Up to four changes. */
export const mutations = fc.array(mutation, { maxLength: 4 });

/** `bytes` after these changes, at most 4,000 more of them. */
export function mutate(bytes: Uint8Array, changes: Mutation[]): Uint8Array {
  // As Latin-1, one character a byte.
  let text = new TextDecoder('latin1').decode(bytes);
  const splice = (at: number, removed: number, inserted: string) => {
    text = (text.slice(0, at) + inserted + text.slice(at + removed)).slice(0, bytes.length + 4000);
  };
  for (const { kind, at, with: change } of changes) {
    const place = at % Math.max(1, text.length);
    if (kind === 'flip') splice(place, 1, String.fromCharCode(change));
    else if (kind === 'cut') splice(place, change, '');
    else if (kind === 'double') splice(place, 0, text.slice(place, place + change));
    else {
      const numbers = [...text.matchAll(/\d+/g)];
      const chosen = numbers[at % Math.max(1, numbers.length)];
      if (chosen) splice(chosen.index, chosen[0].length, change);
    }
  }
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** What input from outside may cost, whatever it says. */
export const MOST_ALLOCATED = 64 * 2 ** 20;

/** Bytes of the heap and of buffers that are in use, or were and are not collected yet. */
function inUse(): number {
  const { used_heap_size: heap, external_memory: buffers } = getHeapStatistics();
  return heap + buffers;
}

/** Measures what pieces of work allocate, the most of one. */
export class AllocationMeter {
  most = 0;

  async measure(work: () => void | Promise<void>): Promise<void> {
    const before = inUse();
    await work();
    this.most = Math.max(this.most, inUse() - before);
  }
}
