// How much of a product of variants is tested: all of it, or so much that every value of every factor is met.

/** Whether everything is tested, as `npm run test:all` does. `npm test` takes a sample of large products. */
export const ALL = process.env['BAMBA_TEST_ALL'] === '1';

/** How often something is tried: so often where everything is tested, and else a few times. */
export function times(whole: number, few: number): number {
  return ALL ? whole : few;
}

/** Choices that are tried: all where everything is tested, and else every `step`-th. */
export function every<Choice>(step: number, choices: readonly Choice[]): Choice[] {
  return choices.filter((_, index) => ALL || index % step === 0);
}

/**
 * Named choices that are enough to meet every trait of all of them: all choices where everything is tested.
 * @param traitsOf what there is about a choice that a test may stumble over
 */
export function covering<Choice>(
  choices: Readonly<Record<string, Choice>>,
  traitsOf: (choice: Choice) => Iterable<string>,
): [name: string, choice: Choice][] {
  const all = Object.entries(choices);
  if (ALL) return all;
  const traits = new Map(all.map(([name, choice]) => [name, new Set(traitsOf(choice))]));
  const missed = new Set([...traits.values()].flatMap((own) => [...own]));
  const taken = new Set<string>();
  const gain = (name: string) => [...traits.get(name)!].filter((trait) => missed.has(trait)).length;
  while (missed.size > 0) {
    const best = [...traits.keys()].reduce((a, b) => (gain(b) > gain(a) ? b : a));
    taken.add(best);
    for (const trait of traits.get(best)!) missed.delete(trait);
  }
  return all.filter(([name]) => taken.has(name));
}

/** What a suite that is run on several variants of a device takes of other choices. */
export interface Part {
  /**
   * The variant's share of the choices, at least one: all variants together meet every choice.
   * @param shift turns the choices on, so that another variant meets the first
   */
  share: <Choice>(choices: readonly Choice[], shift?: number) => Choice[];
  /** Whether this variant makes the tests that one of them is enough for: the last does. */
  once: boolean;
}

/** The part of one of `count` variants. */
export function partOf(variant: number, count: number): Part {
  if (ALL || count === 1) return { share: (choices) => [...choices], once: true };
  return {
    share(choices, shift = 0) {
      const turn = variant + shift;
      if (choices.length < count) return [choices[turn % choices.length]!];
      return choices.filter((_, index) => index % count === turn % count);
    },
    once: variant === count - 1,
  };
}
