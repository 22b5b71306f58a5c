// Phone books of invented people: the same for the same seed, on every machine.

/** A phone book, with a question behind it. */
export interface PhoneBook {
  /** It ends where the number is to follow. */
  text: string;
  /** The number that is asked for. */
  number: string;
}

const FIRST =
  'Ada Amir Anna Ben Bea Carl Cleo Clara Dan David Dora Eli Ella Emil Erik Eva Felix Fay Finn Gina Grace Gus Hana Henry Hugo Ida Igor Iris Ivan Jack Jane Jon Kai Kate Kim Lara Leo Lily Louis Lucy Marc Maya Mia Mila Nils Nina Noah Olga Omar Otto Paul Petra Rosa Ruth Sam Sara Theo Tina Tom Uma Vera Will Yara Zoe'.split(
    ' ',
  );
const LAST =
  'Abbott Adler Ames Baker Banks Berg Bishop Blake Boone Brooks Burns Carter Chase Clark Cole Cook Cross Dale Dean Drake Ellis Farmer Fisher Ford Fox Frost Gates Gray Green Hall Hart Hayes Hill Holt Hunt Jones King Knight Lake Lane Long Marsh Mason Mills Moore Moss Nash North Page Park Pierce Pike Porter Reed Rice Rivers Shaw Stone Summers Swan Tanner Vance Ward Wood'.split(
    ' ',
  );

/**
 * A book of so many entries, of which one is asked for.
 * @param place of that entry, from 0, the first one, to 1, the last one
 * @throws RangeError for more entries than there are names
 */
export function makeBook({ entries, place, seed }: { entries: number; place: number; seed: number }): PhoneBook {
  const names = FIRST.length * LAST.length;
  if (entries > names) throw new RangeError(`There are ${names} names, and not ${entries}.`);
  const random = randomNumbers(seed);
  const order = shuffled(names, random);
  const book = order.slice(0, entries).map((index) => {
    const name = `${FIRST[index % FIRST.length]} ${LAST[Math.floor(index / FIRST.length)]}`;
    return { name, number: `${digits(3, random)}-${digits(4, random)}` };
  });
  const { name, number } = book[Math.round(place * (entries - 1))]!;
  const lines = book.map((entry) => `${entry.name}: ${entry.number}`);
  return { text: `A phone book:\n\n${lines.join('\n')}\n\nThe number that is asked for:\n\n${name}:`, number };
}

/** So many digits, of which the first is none. */
function digits(count: number, random: () => number): string {
  const least = 10 ** (count - 1);
  return String(least + Math.floor(random() * 9 * least));
}

/** All numbers below `count` in an order of chance (Fisher and Yates). */
function shuffled(count: number, random: () => number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

/** Numbers from 0 up to 1 (a Weyl sequence through the finalizer of MurmurHash3). */
function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
