// Which of the kept states go when there is no room for all: pure functions over what is known of each.

/**
 * Where in a conversation a state was kept.
 *
 * - `opening`: before the first user's message, behind the system prompt
 * - `start`: at the start of a later user's message
 * - `prompt`: at the end of a prompt, before the header that an answer begins with
 * - `answer`: at the end of an answer
 * - `junction`: where a prompt left what was known
 * - `rung`: on the way through a long prompt
 */
export type StateKind = 'opening' | 'start' | 'prompt' | 'answer' | 'junction' | 'rung';

/** The properties by which kept states are weighed. */
export interface Weighed {
  readonly kind: StateKind;
  /** Tokens that it is the state of. */
  readonly position: number;
  /** Of GPU memory. */
  readonly bytes: number;
  /** When it was kept or used last: more is later. */
  readonly used: number;
  /** The longest kept state that it goes on from. */
  readonly parent: Weighed | null;
  /** Whether two or more conversations go on from it. */
  readonly shared: boolean;
}

/** Room for kept states. */
export interface Room {
  readonly bytes: number;
  readonly states: number;
}

/**
 * How much saved work counts beside recent use. Both run from 0 to 1. With 1, the state that saves the most work a byte is
 * as dear as the one that was used last.
 */
const ALPHA = 1;

/** Ends of prompts, and of answers, of so many turns stay before anything else does. */
const LATEST_TURNS = 2;

/** The nearest kept state that `one` goes on from, among those that stay. */
function ancestor(one: Weighed, staying: ReadonlySet<Weighed>): Weighed | null {
  let above = one.parent;
  while (above && !staying.has(above)) above = above.parent;
  return above;
}

/**
 * States that conversations surely return to: ends of prompts and of answers of the latest turns, and what several
 * conversations share. All others are the interior, which is thinned first.
 */
export function anchorsOf(staying: ReadonlySet<Weighed>): Set<Weighed> {
  const later = new Map<Weighed, number>();
  for (const one of staying) {
    for (let above = ancestor(one, staying); above; above = ancestor(above, staying)) {
      if (above.kind === one.kind) later.set(above, (later.get(above) ?? 0) + 1);
    }
  }
  const isAnchor = (one: Weighed) =>
    one.kind === 'prompt' || one.kind === 'answer'
      ? (later.get(one) ?? 0) < LATEST_TURNS
      : one.shared && (one.kind === 'opening' || one.kind === 'junction');
  return new Set([...staying].filter(isAnchor));
}

/**
 * The worth of each state: recency + α · saved. Recency is the rank of its last use over the number of states, so that no
 * clock counts. Saved is the number of tokens to read again without it, from the nearest kept ancestor, over its bytes. It
 * is divided by the largest of all, so that neither the model's size nor the length of texts counts.
 */
export function worths(staying: ReadonlySet<Weighed>): Map<Weighed, number> {
  const byUse = [...staying].toSorted((a, b) => a.used - b.used);
  const saved = byUse.map((one) => (one.position - (ancestor(one, staying)?.position ?? 0)) / one.bytes);
  const most = Math.max(...saved);
  return new Map(
    byUse.map((one, rank) => [one, (rank + 1) / byUse.length + ALPHA * (most > 0 ? saved[rank]! / most : 0)]),
  );
}

/** The state that goes first: of the interior, while there is any, the one that is worth the least. */
export function victimOf(staying: ReadonlySet<Weighed>): Weighed | null {
  const anchors = anchorsOf(staying);
  const worth = worths(staying);
  const interior = [...staying].filter((one) => !anchors.has(one));
  return (interior.length > 0 ? interior : [...staying]).reduce<Weighed | null>(
    (least, one) => (least === null || worth.get(one)! < worth.get(least)! ? one : least),
    null,
  );
}

/**
 * The states that go so that the others have room, in order. `coming` is among `all`, and may be among those that go; none
 * of the others goes for it then.
 */
export function victimsFor<One extends Weighed>(all: readonly One[], coming: One, room: Room): One[] {
  if (coming.bytes > room.bytes || room.states < 1) return [coming];
  const staying = new Set<One>(all);
  const victims: One[] = [];
  let bytes = all.reduce((sum, one) => sum + one.bytes, 0);
  while (bytes > room.bytes || staying.size > room.states) {
    const victim = victimOf(staying) as One;
    if (victim === coming) return [coming];
    staying.delete(victim);
    victims.push(victim);
    bytes -= victim.bytes;
  }
  return victims;
}
