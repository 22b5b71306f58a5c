// Trees of patterns to programs: flat lists of instructions, which the matcher runs without recursion.

import { charSource, SetTest } from './char-class.ts';
import { type CharSet, type Node, type Place, unsupported } from './syntax.ts';

/** The kinds of instructions. `next` is the one behind it. */
export type Instruction =
  | { readonly op: 'char'; readonly code: number }
  | { readonly op: 'set'; readonly set: SetTest }
  /** As many characters of a set as there are, at most `max`; then fewer, down to `min`, unless it is possessive. */
  | {
      readonly op: 'run';
      readonly set: SetTest;
      readonly min: number;
      readonly max: number;
      readonly possessive: boolean;
      /** Which memory for places already tried it has: `run` where `max` has no end, else `point`; -1 for none. */
      readonly run: number;
      readonly point: number;
    }
  /** Tries `first`, then `second`. Where it was tried at this place before, it fails. */
  | { readonly op: 'split'; first: number; second: number; readonly point: number }
  /** As `split`, around a body that can be empty: a second time at one place goes on behind the loop. */
  | { readonly op: 'loop'; first: number; second: number; readonly point: number }
  /** Fails where it was passed at this place before. */
  | { readonly op: 'once'; readonly point: number }
  | { readonly op: 'jump'; to: number }
  | { readonly op: 'place'; readonly place: Place }
  /** Runs what stands behind it up to `done` for itself, then goes on at `next`. */
  | { readonly op: 'atomic'; next: number; runs: readonly [number, number] }
  | {
      readonly op: 'look';
      next: number;
      readonly behind: boolean;
      readonly negated: boolean;
      /** Characters that the body can have, for looking behind. */
      readonly min: number;
      readonly max: number;
      runs: readonly [number, number];
    }
  /** Looks at one character only. */
  | { readonly op: 'peek'; readonly set: SetTest; readonly behind: boolean; readonly negated: boolean }
  /** The end of a body that looks behind: right only where the look began. */
  | { readonly op: 'arrived' }
  | { readonly op: 'done' };

/** A pattern that can be run. */
export interface Program {
  readonly source: string;
  readonly code: readonly Instruction[];
  /** How many instructions remember where they were tried. */
  readonly points: number;
  readonly runs: number;
}

/** Repetitions with bounds are written out; this bounds what comes of them. */
const MAX_INSTRUCTIONS = 20_000;

/** @throws BambaError `unsupported_model` for a pattern that is too large */
export function compilePattern(source: string, node: Node): Program {
  const compiler = new Compiler(source);
  compiler.emit(node);
  return compiler.finish();
}

class Compiler {
  readonly #source: string;
  readonly #code: Instruction[] = [];
  readonly #sets = new Map<string, SetTest>();
  #points = 0;
  #runs = 0;
  /** How many loops stand around whose body can be empty. */
  #emptyLoops = 0;

  constructor(source: string) {
    this.#source = source;
  }

  finish(): Program {
    this.#push({ op: 'done' });
    return { source: this.#source, code: this.#code, points: this.#points, runs: this.#runs };
  }

  emit(node: Node): void {
    switch (node.kind) {
      case 'char':
        this.#push({ op: 'char', code: node.code });
        return;
      case 'set':
        this.#push({ op: 'set', set: this.#set(node.set) });
        return;
      case 'place':
        this.#push({ op: 'place', place: node.place });
        return;
      case 'sequence':
        for (const part of node.parts) this.emit(part);
        return;
      case 'choice':
        this.#choice(node.options);
        return;
      case 'repeat':
        this.#repeat(node, false);
        return;
      case 'atomic':
        if (node.body.kind === 'repeat' && !node.body.lazy && singleSet(node.body.body)) this.#repeat(node.body, true);
        else this.#atomic(node.body);
        return;
      case 'look':
        this.#look(node);
    }
  }

  #choice(options: readonly Node[]): void {
    const jumps: { to: number }[] = [];
    options.forEach((option, index) => {
      if (index === options.length - 1) {
        this.emit(option);
        return;
      }
      const split = this.#push({ op: 'split', first: 0, second: 0, point: this.#point() });
      split.first = this.#code.length;
      this.emit(option);
      jumps.push(this.#push({ op: 'jump', to: 0 }));
      split.second = this.#code.length;
    });
    for (const jump of jumps) jump.to = this.#code.length;
  }

  #repeat({ body, min, max, lazy }: Extract<Node, { kind: 'repeat' }>, possessive: boolean): void {
    const set = lazy ? null : singleSet(body);
    if (set) {
      const run = max === Infinity && this.#emptyLoops === 0 ? this.#runs++ : -1;
      const point = max === Infinity ? -1 : this.#point();
      this.#push({ op: 'run', set: this.#set(set), min, max, possessive, run, point });
      return;
    }
    for (let count = 0; count < min; count++) this.emit(body);
    if (max === Infinity) {
      this.#loop(body, lazy);
      return;
    }
    const splits: { first: number; second: number }[] = [];
    for (let count = min; count < max; count++) {
      splits.push(this.#branch('split', lazy));
      this.emit(body);
    }
    for (const split of splits) this.#leave(split, lazy);
  }

  #loop(body: Node, lazy: boolean): void {
    const empty = lengthOf(body).min === 0;
    const start = this.#code.length;
    const split = this.#branch(empty ? 'loop' : 'split', lazy);
    if (empty) this.#emptyLoops++;
    this.emit(body);
    if (empty) this.#emptyLoops--;
    this.#push({ op: 'jump', to: start });
    this.#leave(split, lazy);
    if (empty) this.#push({ op: 'once', point: this.#points++ });
  }

  /** A split whose body follows; `#leave` says where it goes without it. */
  #branch(op: 'split' | 'loop', lazy: boolean): { first: number; second: number } {
    const split = this.#push({ op, first: 0, second: 0, point: op === 'loop' ? this.#points++ : this.#point() });
    split[lazy ? 'second' : 'first'] = this.#code.length;
    return split;
  }

  #leave(split: { first: number; second: number }, lazy: boolean): void {
    split[lazy ? 'first' : 'second'] = this.#code.length;
  }

  #atomic(body: Node): void {
    const from = this.#runs;
    const atomic = this.#push({ op: 'atomic', next: 0, runs: [0, 0] });
    this.emit(body);
    this.#push({ op: 'done' });
    atomic.next = this.#code.length;
    atomic.runs = [from, this.#runs];
  }

  #look({ body, behind, negated }: Extract<Node, { kind: 'look' }>): void {
    const set = singleSet(body);
    if (set) {
      this.#push({ op: 'peek', set: this.#set(set), behind, negated });
      return;
    }
    const from = this.#runs;
    const look = this.#push({ op: 'look', next: 0, behind, negated, ...lengthOf(body), runs: [0, 0] });
    this.emit(body);
    if (behind) this.#push({ op: 'arrived' });
    this.#push({ op: 'done' });
    look.next = this.#code.length;
    look.runs = [from, this.#runs];
  }

  /**
   * A memory for where an instruction was tried. Inside of loops whose body can be empty there is none: coming back to
   * a place is no failure there, it ends the loop.
   */
  #point(): number {
    return this.#emptyLoops > 0 ? -1 : this.#points++;
  }

  #push<Of extends Instruction>(instruction: Of): Of {
    if (this.#code.length >= MAX_INSTRUCTIONS) throw unsupported(this.#source, 'repetitions that are too long');
    this.#code.push(instruction);
    return instruction;
  }

  #set(set: CharSet): SetTest {
    const key = JSON.stringify(set);
    let test = this.#sets.get(key);
    if (!test) this.#sets.set(key, (test = new SetTest(set)));
    return test;
  }
}

/** A node that is one character of a set; null for others. */
function singleSet(node: Node): CharSet | null {
  if (node.kind === 'set') return node.set;
  return node.kind === 'char' ? { source: `[${charSource(node.code)}]`, ignoreCase: false, negated: false } : null;
}

/** How many characters a node can match. */
function lengthOf(node: Node): { min: number; max: number } {
  switch (node.kind) {
    case 'char':
    case 'set':
      return { min: 1, max: 1 };
    case 'place':
    case 'look':
      return { min: 0, max: 0 };
    case 'atomic':
      return lengthOf(node.body);
    case 'sequence': {
      const lengths = node.parts.map(lengthOf);
      return { min: sum(lengths.map(({ min }) => min)), max: sum(lengths.map(({ max }) => max)) };
    }
    case 'choice': {
      const lengths = node.options.map(lengthOf);
      return { min: Math.min(...lengths.map(({ min }) => min)), max: Math.max(...lengths.map(({ max }) => max)) };
    }
    default: {
      const { min, max } = lengthOf(node.body);
      return { min: min * node.min, max: max === 0 ? 0 : max * node.max };
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
