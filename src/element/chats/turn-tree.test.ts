import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TurnTree, type Placed } from './turn-tree.ts';

describe('TurnTree', () => {
  it('takes turns that say nothing of their place one after the other', () => {
    const tree = new TurnTree([{ id: 1 }, { id: 2 }, { id: 'x' }]);
    expect(tree.path(undefined)).toEqual([1, 2, 'x']);
    expect(tree.path(1)).toEqual([1, 2, 'x']);
    expect(tree.versions(2)).toEqual([2]);
    expect(tree.branches).toBe(false);
  });

  it('keeps versions side by side, each with what follows it', () => {
    const tree = new TurnTree([
      { id: 1 },
      { id: 2, after: 1 },
      { id: 3, after: 2 },
      { id: 4, instead: 2 },
      { id: 5, after: 4 },
      { id: 6, instead: 4 },
      { id: 7, instead: 1 },
    ]);
    expect(tree.branches).toBe(true);
    expect(tree.versions(2)).toEqual([2, 4, 6]);
    expect(tree.versions(6)).toBe(tree.versions(2));
    expect(tree.versions(1)).toEqual([1, 7]);
    expect(tree.path(2)).toEqual([1, 2, 3]);
    expect(tree.path(4)).toEqual([1, 4, 5]);
    expect(tree.path(undefined)).toEqual([7]);
    // Of what follows, the newest version.
    expect(tree.path(1)).toEqual([1, 6]);
    expect([tree.parent(6), tree.parent(5), tree.parent(7)]).toEqual([1, 4, undefined]);
  });

  it('puts what two tabs have asked after the same turn one after the other, also where each has asked on', () => {
    const tree = new TurnTree([
      { id: 1 },
      { id: 'a1', after: 1 },
      { id: 'b1', after: 1 },
      { id: 'b2', after: 'b1' },
      { id: 'c1', after: 'a1' },
      { id: 'd1', instead: 'b1' },
    ]);
    expect(tree.path('a1')).toEqual([1, 'a1', 'd1']);
    expect(tree.path('b1')).toEqual([1, 'a1', 'b1', 'b2', 'c1']);
    expect(tree.versions('b1')).toEqual(['b1', 'd1']);
  });

  it('gives the place of a turn that cannot be read to the one before', () => {
    const tree = new TurnTree([{ id: 1 }, { id: 3, after: 2 }, { id: 4, instead: 2 }, { id: 5, after: 4 }]);
    expect(tree.path(undefined)).toEqual([1, 3, 4, 5]);
    expect(new TurnTree([]).path('gone')).toEqual([]);
  });

  it('shows every turn on the path to it, whatever the turns say', () => {
    const id = fc.nat({ max: 12 });
    const turn = fc.record({ after: fc.option(id, { nil: undefined }), instead: fc.option(id, { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 12 }), (links) => {
        const turns: Placed[] = links.map((link, index) => ({ id: index, ...link }));
        const tree = new TurnTree(turns);
        for (const each of turns) {
          const path = tree.path(each.id);
          expect(path).toContain(each.id);
          expect(new Set(path).size).toBe(path.length);
          expect(tree.versions(each.id)).toContain(each.id);
          // A turn in the place of another one is a version of it.
          if (each.instead !== undefined && Number(each.instead) < Number(each.id)) {
            expect(tree.versions(each.instead)).toContain(each.id);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reads a chat of very many turns at once', () => {
    const turns = Array.from({ length: 100_000 }, (_, id) => ({ id }));
    expect(new TurnTree(turns).path(undefined)).toHaveLength(100_000);
  });
});
