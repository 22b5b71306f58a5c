// Patterns as machines: Thompson's construction (1968), from the end to the beginning, so that a lookahead meets a finished
// rest. Then sets of states become states.

import { atoms, type Characters, EVERY } from './characters.ts';
import { common, explore, type Machine, MOST_STATES, TooManyStates } from './machine.ts';
import { parsePattern, type Pattern } from './pattern-syntax.ts';
import { invalid } from './schema-keywords.ts';

interface Node {
  readonly id: number;
  edges: { set: Characters; to: Node }[];
  empty: Node[];
  /** Only before the first character. */
  atStart: Node[];
  /** Only behind the last character. */
  atEnd: Node[];
}

/**
 * The texts in which a pattern matches somewhere; or which it matches as a whole.
 * @param path where it stands in a schema, for errors; null outside of one
 * @throws BambaError `setting_invalid` for what is no pattern, cannot be kept to, or matches nothing
 */
export function patternMachine(source: string, path: string | null, whole = false): Machine {
  const parsed = parsePattern(source, path);
  const pattern: Pattern = whole ? { kind: 'sequence', parts: [{ kind: 'start' }, parsed, { kind: 'end' }] } : parsed;
  try {
    const machine = new PatternBuilder().build(pattern);
    if (machine) return machine;
  } catch (error) {
    if (error instanceof LookaheadRefused) {
      throw invalid(path, `the pattern ${source} has a lookahead ${error.message}, which cannot be kept to`);
    }
    if (!(error instanceof TooManyStates)) throw error;
    throw invalid(path, `the pattern ${source} takes more states than can be kept; give a simpler one`);
  }
  throw invalid(path, `the pattern ${source} matches no text`);
}

class LookaheadRefused extends Error {}

class PatternBuilder {
  /** Where a match is complete: whatever follows belongs to the text. */
  readonly #matched: Node;
  #count = 0;

  constructor() {
    this.#matched = this.#node();
  }

  build(pattern: Pattern): Machine | null {
    const anywhere = this.#node();
    anywhere.edges.push({ set: EVERY, to: anywhere });
    anywhere.empty.push(this.#before(pattern, this.#matched, false));
    return this.#machine(anywhere, true);
  }

  #node(): Node {
    if (this.#count >= MOST_STATES) throw new TooManyStates();
    return { id: this.#count++, edges: [], empty: [], atStart: [], atEnd: [] };
  }

  /**
   * The node from which a pattern leads to another.
   * @param looped whether that one leads back here, and is not complete yet
   */
  #before(pattern: Pattern, next: Node, looped: boolean): Node {
    switch (pattern.kind) {
      case 'sequence':
        return pattern.parts.reduceRight((reached, part) => this.#before(part, reached, looped), next);
      case 'repeat':
        return this.#repeat(pattern, next, looped);
      case 'ahead':
        return this.#ahead(pattern, next, looped);
      default: {
        const node = this.#node();
        if (pattern.kind === 'characters') node.edges.push({ set: pattern.set, to: next });
        else if (pattern.kind === 'start') node.atStart.push(next);
        else if (pattern.kind === 'end') node.atEnd.push(next);
        else node.empty.push(...pattern.options.map((option) => this.#before(option, next, looped)));
        return node;
      }
    }
  }

  #repeat({ of, min, max }: Pattern & { kind: 'repeat' }, next: Node, looped: boolean): Node {
    let reached = this.#node();
    reached.empty.push(next);
    if (max === Infinity) reached.empty.push(this.#before(of, reached, true));
    for (let count = max === Infinity ? min : max; count > 0; count--) {
      const once = this.#node();
      once.empty.push(this.#before(of, reached, looped));
      if (count > min && max !== Infinity) once.empty.push(next);
      reached = once;
    }
    return reached;
  }

  /** The rest, as far as the lookahead allows it. */
  #ahead({ of, negative }: Pattern & { kind: 'ahead' }, next: Node, looped: boolean): Node {
    if (looped) throw new LookaheadRefused('that is repeated');
    const node = this.#node();
    const ahead = this.#before(of, this.#matched, false);
    const parts = reachable([next, ahead], (one) => allNext(one));
    if ([...parts].some(({ atStart }) => atStart.length > 0)) throw new LookaheadRefused('with "^" in it or behind it');
    const following = this.#machine(next, false);
    const seen = this.#machine(ahead, false);
    if (!following || (!seen && !negative)) return node;
    const both = seen ? common([{ machine: following }, { machine: seen, negative }]) : following;
    if (!both) return node;
    const nodes = both.states.map(() => this.#node());
    for (const [id, { ends, next: steps }] of both.states.entries()) {
      for (const [by, to] of steps) nodes[id]!.edges.push({ set: both.classes[by]!, to: nodes[to]! });
      if (ends) nodes[id]!.atEnd.push(this.#matched);
    }
    return nodes[0]!;
  }

  #machine(from: Node, first: boolean): Machine | null {
    const nodes = [...reachable([from], (node) => allNext(node))];
    const sets = [...new Set(nodes.flatMap(({ edges }) => edges.map(({ set }) => set)))];
    const { classes, members } = atoms([...sets, EVERY]);
    const classesOf = new Map(sets.map((set, index) => [set, new Set(members[index])]));
    const matched = this.#matched;
    const closed = (start: Iterable<Node>, atStart: boolean, atEnd: boolean) =>
      reachable(start, (node) => [...node.empty, ...(atStart ? node.atStart : []), ...(atEnd ? node.atEnd : [])]);
    const state = (start: Iterable<Node>, atStart: boolean) => {
      const all = closed(start, atStart, false);
      // Once it matches, it does so whatever follows.
      return { nodes: all.has(matched) ? [matched] : [...all], atStart };
    };
    return explore(
      classes,
      state([from], first),
      (current, by) => {
        if (current.nodes[0] === matched) return current.atStart ? state([matched], false) : current;
        const moved = new Set<Node>();
        for (const { edges } of current.nodes) {
          for (const { set, to } of edges) if (classesOf.get(set)!.has(by)) moved.add(to);
        }
        return moved.size === 0 ? null : state(moved, false);
      },
      (current) => closed(current.nodes, current.atStart, true).has(matched),
      (current) =>
        `${current.atStart}:${current.nodes
          .map(({ id }) => id)
          .toSorted((a, b) => a - b)
          .join()}`,
    );
  }
}

function allNext({ edges, empty, atStart, atEnd }: Node): Node[] {
  return [...edges.map(({ to }) => to), ...empty, ...atStart, ...atEnd];
}

function reachable(start: Iterable<Node>, next: (node: Node) => readonly Node[]): Set<Node> {
  const reached = new Set<Node>();
  const waiting = [...start];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (reached.has(node)) continue;
    reached.add(node);
    waiting.push(...next(node));
  }
  return reached;
}
