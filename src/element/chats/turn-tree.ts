// The versions of a chat. Each turn says where it stands: after another turn, or in the place of another one, as another
// version of it. So a chat is a tree, and what is shown of it is one path from the first question to the last.
//
// Two tabs may each ask on after the same turn. Neither meant another version. The turns then stand one after the other, in
// the order of their names, and all of them are in sight.

import type { TurnId } from './ids.ts';

/** Where a turn stands. */
export interface Placed {
  readonly id: TurnId;
  /** The turn that it follows; undefined where it follows all that was said before, as in chats of earlier versions. */
  readonly after?: TurnId | undefined;
  /** The turn in whose place it stands. It goes before `after`. */
  readonly instead?: TurnId | undefined;
}

interface Place {
  readonly id: TurnId | undefined;
  readonly parent: Place | undefined;
  readonly children: TurnId[];
  /** The turn that was asked after this one, and not as another version. */
  next: Place | undefined;
  /** As far as is known, the last in the row of those; it may have been followed since. */
  end: Place;
}

/** The places of a chat's turns. */
export class TurnTree {
  readonly #root = placeOf(undefined, undefined);
  readonly #places = new Map<TurnId, Place>();
  #last = this.#root;

  /** @param turns in the order of their names; what a turn names comes before it, else the turn follows the one before */
  constructor(turns: readonly Placed[]) {
    for (const turn of turns) this.#put(turn);
  }

  /** Whether some turn has another version. */
  get branches(): boolean {
    return [this.#root, ...this.#places.values()].some(({ children }) => children.length > 1);
  }

  /**
   * The shown turns: those up to `tip`, and those after it, of several versions the newest.
   *
   * @param tip a turn; the newest of all where it is undefined or unknown
   */
  path(tip: TurnId | undefined): TurnId[] {
    const shown: TurnId[] = [];
    let place = this.#of(tip) ?? this.#last;
    for (let at: Place | undefined = place; at?.id !== undefined; at = at.parent) shown.push(at.id);
    shown.reverse();
    for (let newest = place.children.at(-1); newest !== undefined; newest = place.children.at(-1)) {
      shown.push(newest);
      place = this.#places.get(newest) as Place;
    }
    return shown;
  }

  /** All versions of a turn, the oldest first; the same list until the chat has other turns. */
  versions(id: TurnId): readonly TurnId[] {
    return this.#places.get(id)?.parent?.children ?? [];
  }

  /** The turn before; undefined for the first ones. */
  parent(id: TurnId): TurnId | undefined {
    return this.#places.get(id)?.parent?.id;
  }

  #put({ id, after, instead }: Placed): void {
    const other = this.#of(instead);
    const parent = other?.parent ?? endOf(this.#before(after, instead));
    const place = placeOf(id, parent);
    if (!other) {
      parent.next = place;
      parent.end = place;
    }
    parent.children.push(id);
    this.#places.set(id, place);
    this.#last = place;
  }

  /** The turn that is followed. One that is not there, because it cannot be read, leaves its place to the one before. */
  #before(after: TurnId | undefined, instead: TurnId | undefined): Place {
    if (after === undefined && instead === undefined) return this.#root;
    return this.#of(after) ?? this.#last;
  }

  #of(id: TurnId | undefined): Place | undefined {
    return id === undefined ? undefined : this.#places.get(id);
  }
}

function placeOf(id: TurnId | undefined, parent: Place | undefined): Place {
  const place: Omit<Place, 'end'> & { end: Place | undefined } = {
    id,
    parent,
    children: [],
    next: undefined,
    end: undefined,
  };
  place.end = place as Place;
  return place as Place;
}

/** The end of the row that begins at a place. The result is noted, so that a long row is walked once. */
function endOf(place: Place): Place {
  let { end } = place;
  while (end.next) end = end.next.end;
  place.end = end;
  return end;
}
