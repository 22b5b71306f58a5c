// Sets of texts as deterministic finite automata over characters. So the intersection of several sets, and the complement of
// one, is such a set again.

import { atoms, type Characters, contains } from './characters.ts';

/** A state, and where characters lead from it. */
export interface MachineState {
  /** Whether a text may end here. */
  readonly ends: boolean;
  /** By the number of a class of characters, the state that follows; there is none for classes that are not named. */
  readonly next: ReadonlyMap<number, number>;
}

/** A set of texts. The first state is the start; from every other a text can come to an end. */
export interface Machine {
  /** Sets of characters that have none in common. */
  readonly classes: readonly Characters[];
  readonly states: readonly MachineState[];
}

/** More states are refused. */
export const MOST_STATES = 65_536;

/** There are more states than can be kept. */
export class TooManyStates extends Error {}

/**
 * A machine from a description of its states, worked out from the first on.
 * @param step the description that follows by a class; null for none
 * @param key equal for states that are the same
 * @returns null for a set without texts
 * @throws TooManyStates
 */
export function explore<State>(
  classes: readonly Characters[],
  start: State,
  step: (state: State, byClass: number) => State | null,
  ends: (state: State) => boolean,
  key: (state: State) => string,
): Machine | null {
  const ids = new Map([[key(start), 0]]);
  const found = [start];
  const states: { ends: boolean; next: Map<number, number> }[] = [];
  for (let id = 0; id < found.length; id++) {
    const state = found[id]!;
    const next = new Map<number, number>();
    for (let index = 0; index < classes.length; index++) {
      const reached = step(state, index);
      if (reached === null) continue;
      const name = key(reached);
      let to = ids.get(name);
      if (to === undefined) {
        to = found.push(reached) - 1;
        if (to >= MOST_STATES) throw new TooManyStates();
        ids.set(name, to);
      }
      next.set(index, to);
    }
    states.push({ ends: ends(state), next });
  }
  return trimmed({ classes, states });
}

/** Without states from which no text comes to an end. */
function trimmed({ classes, states }: Machine): Machine | null {
  const before: number[][] = states.map(() => []);
  for (const [id, { next }] of states.entries()) for (const to of next.values()) before[to]!.push(id);
  const living = new Set<number>();
  const waiting = states.flatMap((state, id) => (state.ends ? [id] : []));
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (living.has(id)) continue;
    living.add(id);
    waiting.push(...before[id]!);
  }
  if (!living.has(0)) return null;
  const ids = new Map([...living].toSorted((a, b) => a - b).map((id, index) => [id, index]));
  return {
    classes,
    states: [...ids.keys()].map((id) => ({
      ends: states[id]!.ends,
      next: new Map([...states[id]!.next].flatMap(([by, to]) => (ids.has(to) ? [[by, ids.get(to)!]] : []))),
    })),
  };
}

/**
 * The texts of all machines, but for those that are to have none of it.
 * @returns null where there are none
 * @throws TooManyStates
 */
export function common(parts: readonly { machine: Machine; negative?: boolean }[]): Machine | null {
  const sets = parts.flatMap(({ machine }) => machine.classes);
  const { classes, members } = atoms(sets);
  // Of each machine, which of its classes each class is in.
  let offset = 0;
  const classOf = parts.map(({ machine }) => {
    const own = new Map<number, number>();
    for (const [index] of machine.classes.entries()) for (const atom of members[offset + index]!) own.set(atom, index);
    offset += machine.classes.length;
    return own;
  });
  const GONE = -1;
  return explore(
    classes,
    parts.map(() => 0),
    (states, by) => {
      const next = states.map((state, part) => {
        const own = classOf[part]!.get(by);
        return state === GONE || own === undefined ? GONE : (parts[part]!.machine.states[state]!.next.get(own) ?? GONE);
      });
      return next.some((state, part) => state === GONE && !parts[part]!.negative) ? null : next;
    },
    (states) =>
      states.every((state, part) => {
        const { machine, negative = false } = parts[part]!;
        return (state !== GONE && machine.states[state]!.ends) !== negative;
      }),
    (states) => states.join(),
  );
}

/** Whether a machine has a text. */
export function accepts({ classes, states }: Machine, text: string): boolean {
  let state = states[0]!;
  for (const character of text) {
    const by = classes.findIndex((set) => contains(set, character.codePointAt(0)!));
    const next = state.next.get(by);
    if (next === undefined) return false;
    state = states[next]!;
  }
  return state.ends;
}
