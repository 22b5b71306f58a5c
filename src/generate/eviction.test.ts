import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { anchorsOf, type StateKind, victimOf, victimsFor, type Weighed, worths } from './eviction.ts';

interface State extends Weighed {
  parent: State | null;
}

let clock = 0;
function state(kind: StateKind, position: number, rest: Partial<State> = {}): State {
  return { kind, position, bytes: 100, used: ++clock, parent: null, shared: false, ...rest };
}

/** A chat of so many turns of 50 tokens: an opening of 200, then ends of prompts and answers. */
function chat(turns: number): State[] {
  const states = [state('opening', 200)];
  for (let turn = 0; turn < turns; turn++) {
    for (const kind of ['prompt', 'answer'] as const) {
      const parent = states.at(-1)!;
      states.push(state(kind, parent.position + 25, { parent }));
    }
  }
  return states;
}

describe('anchors', () => {
  it('are the ends of prompts and answers of the latest two turns', () => {
    const states = chat(4);
    const anchors = [...anchorsOf(new Set(states))];
    expect(anchors).toEqual(states.slice(-4));
  });

  it('are what conversations share, if it is the system prompt or a junction', () => {
    const kinds: StateKind[] = ['opening', 'start', 'junction', 'rung'];
    const anchors = (shared: boolean) => anchorsOf(new Set(kinds.map((kind) => state(kind, 10, { shared }))));
    expect([...anchors(true)].map(({ kind }) => kind)).toEqual(['opening', 'junction']);
    expect(anchors(false).size).toBe(0);
  });

  it('are counted along each branch', () => {
    const root = state('prompt', 10);
    const branches = [20, 30].map((position) => state('prompt', position, { parent: root }));
    // Two prompts go on from it.
    expect(anchorsOf(new Set([root, ...branches]))).toEqual(new Set(branches));
    expect(anchorsOf(new Set([root, branches[0]!]))).toEqual(new Set([root, branches[0]!]));
  });
});

describe('what a state is worth', () => {
  it('is recent use, and the tokens behind the nearest kept ancestor for each byte', () => {
    const old = state('rung', 100);
    const near = state('rung', 110, { parent: old });
    const far = state('rung', 200, { parent: near });
    const worth = worths(new Set([old, near, far]));
    expect(worth.get(old)).toBeCloseTo(1 / 3 + 1);
    expect(worth.get(near)).toBeCloseTo(2 / 3 + 0.1);
    expect(worth.get(far)).toBeCloseTo(1 + 0.9);
  });

  it('grows when the ancestor goes, and not with another model or another unit of length', () => {
    const old = state('rung', 100);
    const near = state('rung', 110, { parent: old });
    expect(worths(new Set([near])).get(near)).toBe(2);
    const large = [old, near].map((one) => ({ ...one, position: 7 * one.position, bytes: 9 * one.bytes }));
    large[1]!.parent = large[0]!;
    expect([...worths(new Set(large)).values()]).toEqual([...worths(new Set([old, near])).values()]);
  });

  it('is less for more bytes', () => {
    const [small, large] = [state('rung', 50), state('rung', 50, { bytes: 400 })];
    expect(victimOf(new Set([small, { ...large, used: small.used - 1 }]))).toMatchObject({ bytes: 400 });
  });
});

describe('victims', () => {
  it('of a long chat are inside of it: its latest turns stay, and of the others those that are far apart', () => {
    const states = chat(20);
    const victims = new Set(victimsFor(states, states.at(-1)!, { bytes: 800, states: 100 }));
    const staying = states.filter((one) => !victims.has(one));
    expect(staying).toHaveLength(8);
    expect(staying.slice(-4)).toEqual(states.slice(-4));
    const gaps = staying.slice(1).map((one, index) => one.position - staying[index]!.position);
    expect(Math.max(...gaps)).toBeLessThan(1000 / 2);
  });

  it('are none where the coming one is worth less than each of the others', () => {
    const kept = chat(2).slice(1);
    const rung = state('rung', 300, { parent: kept.at(-1)!, used: 0 });
    expect(victimsFor([...kept, rung], rung, { bytes: 400, states: 9 })).toEqual([rung]);
  });
});

/** Forests of any shape. */
const forest = fc
  .array(
    fc.record({
      kind: fc.constantFrom<StateKind>('opening', 'start', 'prompt', 'answer', 'junction', 'rung'),
      parent: fc.nat(),
      length: fc.integer({ min: 1, max: 500 }),
      bytes: fc.integer({ min: 1, max: 1000 }),
      used: fc.nat({ max: 1_000_000 }),
      shared: fc.boolean(),
    }),
    { minLength: 1, maxLength: 24 },
  )
  .map((drawn) => {
    const states: State[] = [];
    for (const { parent: at, length, ...one } of drawn) {
      const place = at % (states.length + 1);
      const parent = states[place] ?? null;
      states.push({ ...one, parent, position: (parent?.position ?? 0) + length });
    }
    return states;
  });

test('of any states, as many go as have to, the interior before the anchors, and none for one that goes itself', () => {
  fc.assert(
    fc.property(
      forest,
      fc.nat(),
      fc.integer({ min: 0, max: 6000 }),
      fc.integer({ min: 0, max: 24 }),
      (all, at, bytes, most) => {
        const coming = all[at % all.length]!;
        const victims = victimsFor(all, coming, { bytes, states: most });
        expect(new Set(victims).size).toBe(victims.length);
        if (victims.includes(coming)) {
          expect(victims).toEqual([coming]);
          return;
        }
        const staying = new Set(all);
        for (const victim of victims) {
          const total = [...staying].reduce((sum, one) => sum + one.bytes, 0);
          expect(total > bytes || staying.size > most).toBe(true);
          const anchors = anchorsOf(staying);
          if (anchors.has(victim)) expect(anchors.size).toBe(staying.size);
          const rivals = [...staying].filter((one) => anchors.has(one) === anchors.has(victim));
          const worth = worths(staying);
          expect(Math.min(...rivals.map((one) => worth.get(one)!))).toBe(worth.get(victim));
          staying.delete(victim);
        }
        expect([...staying].reduce((sum, one) => sum + one.bytes, 0)).toBeLessThanOrEqual(bytes);
        expect(staying.size).toBeLessThanOrEqual(most);
      },
    ),
    { numRuns: 500, seed: 20261130 },
  );
});
