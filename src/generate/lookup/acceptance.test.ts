import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Acceptance } from './acceptance.ts';

/** Steps over a text that offers drafts at every token, of which a share is right. @returns steps and tokens of them */
function walk(acceptance: Acceptance, tokens: number, right: (drafted: number) => number) {
  let [at, steps, singles] = [0, 0, 0];
  while (at < tokens) {
    if (!acceptance.allows(at)) {
      at++;
      singles++;
      continue;
    }
    const drafted = acceptance.width - 1;
    const accepted = right(drafted);
    at += accepted + 1;
    steps++;
    acceptance.note(accepted, drafted, at);
  }
  return { steps, singles };
}

describe('the estimate of acceptance', () => {
  it('makes drafts as long as they are right, and ever longer ones', () => {
    const acceptance = new Acceptance();
    const widths = new Set<number>();
    const { steps, singles } = walk(acceptance, 400, (drafted) => {
      widths.add(drafted + 1);
      return drafted;
    });
    expect([...widths]).toEqual([4, 8]);
    expect(singles).toBe(0);
    expect(steps).toBeLessThan(55);
  });

  it('makes nearly none where all are wrong: at most one in a hundred steps', () => {
    const { steps, singles } = walk(new Acceptance(), 4000, () => 0);
    expect(steps).toBeGreaterThan(1); // it tries again
    expect(steps / (steps + singles)).toBeLessThan(0.01);
  });

  it('pauses once fewer than half are right, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(7), { maxLength: 30 }), (before) => {
        const acceptance = new Acceptance();
        let at = 0;
        for (const accepted of before) acceptance.note(Math.min(accepted, 3), 3, (at += 4));
        let bad = 0;
        for (at = Math.max(at, 5000); acceptance.allows(at) && bad < 10; at++) {
          acceptance.note(0, 3, at);
          bad++;
        }
        expect(bad).toBeLessThanOrEqual(2);
        expect(acceptance.isNear(at + 1)).toBe(false);
      }),
    );
  });

  it('expects a match soon behind drafts that were right', () => {
    const acceptance = new Acceptance();
    expect(acceptance.isNear(10)).toBe(false);
    acceptance.note(3, 3, 20);
    expect([acceptance.isNear(60), acceptance.isNear(100)]).toEqual([true, false]);
  });
});
