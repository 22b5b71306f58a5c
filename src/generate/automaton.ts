// Grammars as automata with a stack (recursive transition networks, Woods 1970), made deterministic as far as a text goes. A
// place is the set of all states and stacks that the bytes so far can have led to. It is worked out once.

import { DistinctPlace, type MarkedPlace } from './distinct.ts';
import type { Expression, MachineStep, Rule } from './grammar.ts';

/** A state of the network. The last state of a rule leads back to where the rule was called. */
interface State {
  bytes: { low: number; high: number; to: State }[];
  empty: State[];
  calls: { rule: Network; to: State; marked: boolean }[];
  readonly id: number;
}

interface Network {
  readonly first: State;
  readonly last: State;
}

/** Where calls return to, innermost first. Equal stacks are one object. */
interface Stack {
  /** How many scopes and items are open. */
  readonly depth: number;
  readonly to: { state: State; last: State; below: Stack } | null;
  readonly id: number;
  /** The stacks with one call more, by the state it returns to. */
  readonly above: Map<State, Stack>;
}

interface Thread {
  state: State;
  /** The last state of the rule that `state` is in. */
  last: State;
  stack: Stack;
}

/** A place in the texts of a grammar. Equal places are one object. */
export interface Place {
  /** Whether the text may end here. */
  readonly complete: boolean;
  /** Where a byte leads; null where it may not come. */
  next(byte: number): Place | null;
}

/** A place of an automaton, whose marks say which parts of a text are items of scopes. */
interface OwnPlace extends Place, MarkedPlace {
  next(byte: number): OwnPlace | null;
  moves(byte: number): readonly { depth: number; place: OwnPlace }[];
}

/** How many texts a set has, up to a number that is enough. */
export function countTexts(expression: Expression, enough: number): number {
  let level = new Map<Place, number>([[new Automaton(expression).start, 1]]);
  let count = 0;
  while (level.size > 0) {
    const next = new Map<Place, number>();
    for (const [place, ways] of level) {
      if (place.complete) count += ways;
      if (count >= enough) return enough;
      for (let byte = 0; byte < 256; byte++) {
        const reached = place.next(byte);
        if (reached) next.set(reached, (next.get(reached) ?? 0) + ways);
      }
    }
    level = next;
  }
  return count;
}

/** The automaton of an expression. */
export class Automaton {
  readonly start: Place;
  /** Whether the expression has scopes, whose items differ. */
  #marked = false;
  readonly #networks = new Map<Rule, Network>();
  readonly #places = new Map<string, OwnPlace>();
  #ids = 0;

  constructor(expression: Expression) {
    const whole = this.#network(expression);
    const bottom: Stack = { depth: 0, to: null, id: this.#ids++, above: new Map() };
    const start = this.#place([{ state: whole.first, last: whole.last, stack: bottom }])!;
    this.start = this.#marked ? DistinctPlace.from(start) : start;
  }

  #state(): State {
    return { bytes: [], empty: [], calls: [], id: this.#ids++ };
  }

  #network(expression: Expression): Network {
    const network = { first: this.#state(), last: this.#state() };
    this.#connect(network.first, expression, network.last);
    return network;
  }

  /** Adds what leads from a state by the texts of an expression to another. */
  #connect(from: State, expression: Expression, to: State): void {
    switch (expression.kind) {
      case 'byte':
        from.bytes.push({ low: expression.low, high: expression.high, to });
        return;
      case 'sequence': {
        let reached = from;
        for (const part of expression.parts) {
          const next = this.#state();
          this.#connect(reached, part, next);
          reached = next;
        }
        reached.empty.push(to);
        return;
      }
      case 'choice':
        for (const option of expression.options) {
          if (option.kind === 'byte') {
            this.#connect(from, option, to);
            continue;
          }
          // A state of its own, or the loop of one option could be entered from another.
          const entry = this.#state();
          from.empty.push(entry);
          this.#connect(entry, option, to);
        }
        return;
      case 'repeat':
        this.#repeat(from, expression, to);
        return;
      case 'machine':
        this.#machine(from, expression.states, to);
        return;
      case 'rule': {
        let network = this.#networks.get(expression.rule);
        if (!network) {
          network = { first: this.#state(), last: this.#state() };
          this.#networks.set(expression.rule, network); // before its expression, which may refer to it
          this.#connect(network.first, expression.rule.expression, network.last);
        }
        from.calls.push({ rule: network, to, marked: false });
        return;
      }
      default:
        this.#marked = true;
        from.calls.push({ rule: this.#network(expression.of), to, marked: true });
    }
  }

  #repeat(from: State, { of, min, max }: Expression & { kind: 'repeat' }, to: State): void {
    const rule = this.#network(of);
    let reached = from;
    const once = () => {
      const next = this.#state();
      reached.calls.push({ rule, to: next, marked: false });
      reached = next;
    };
    for (let count = 0; count < min; count++) once();
    if (max === Infinity) {
      const loop = this.#state();
      reached.empty.push(loop);
      loop.calls.push({ rule, to: loop, marked: false });
      loop.empty.push(to);
      return;
    }
    for (let count = min; count < max; count++) {
      reached.empty.push(to);
      once();
    }
    reached.empty.push(to);
  }

  #machine(from: State, steps: readonly MachineStep[], to: State): void {
    const states = steps.map(() => this.#state());
    from.empty.push(states[0]!);
    for (const [index, { ends, next }] of steps.entries()) {
      for (const { by, to: reached } of next) this.#connect(states[index]!, by, states[reached]!);
      if (ends) states[index]!.empty.push(to);
    }
  }

  /** The place of threads and all that they lead to without a byte; null for none. */
  #place(threads: readonly Thread[]): OwnPlace | null {
    const reached = new Map<string, Thread>();
    const waiting = [...threads];
    let complete = false;
    for (let thread = waiting.pop(); thread; thread = waiting.pop()) {
      const { state, last, stack } = thread;
      const key = `${state.id},${stack.id}`;
      if (reached.has(key)) continue;
      reached.set(key, thread);
      for (const next of state.empty) waiting.push({ state: next, last, stack });
      for (const { rule, to, marked } of state.calls) {
        waiting.push({ state: rule.first, last: rule.last, stack: this.#push(stack, to, last, marked) });
      }
      if (state !== last) continue;
      if (stack.to) waiting.push({ state: stack.to.state, last: stack.to.last, stack: stack.to.below });
      else complete = true;
    }
    const moving = [...reached.values()].filter(({ state }) => state.bytes.length > 0);
    if (moving.length === 0 && !complete) return null;
    const key = `${complete}|${moving
      .map(({ state, stack }) => `${state.id},${stack.id}`)
      .toSorted()
      .join(' ')}`;
    let place = this.#places.get(key);
    if (!place) {
      const moves = this.#moves(moving);
      place = { complete, moves, next: (byte) => moves(byte)[0]?.place ?? null };
      this.#places.set(key, place);
    }
    return place;
  }

  #push(stack: Stack, state: State, last: State, marked: boolean): Stack {
    let pushed = stack.above.get(state);
    if (!pushed) {
      pushed = {
        depth: stack.depth + Number(marked),
        to: { state, last, below: stack },
        id: this.#ids++,
        above: new Map(),
      };
      stack.above.set(state, pushed);
    }
    return pushed;
  }

  /** Where bytes lead, by what is open around them; without marks, that is one place at most. */
  #moves(threads: readonly Thread[]): OwnPlace['moves'] {
    const known: (readonly { depth: number; place: OwnPlace }[] | undefined)[] = [];
    return (byte) => {
      const places = known[byte];
      if (places) return places;
      const byDepth = new Map<number, Thread[]>();
      for (const { state, last, stack } of threads) {
        for (const { low, high, to } of state.bytes) {
          if (byte < low || byte > high) continue;
          const moved = byDepth.get(stack.depth);
          if (moved) moved.push({ state: to, last, stack });
          else byDepth.set(stack.depth, [{ state: to, last, stack }]);
        }
      }
      return (known[byte] = Array.from(byDepth).flatMap(([depth, moved]) => {
        const place = this.#place(moved);
        return place ? [{ depth, place }] : [];
      }));
    };
  }
}
