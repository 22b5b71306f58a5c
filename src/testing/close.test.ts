import { describe, expect, it } from 'vitest';
import { expectClose, measure } from './close.ts';

describe('expectClose', () => {
  it('accepts what is within the bound of each element', () => {
    expectClose([1.001, -200.1], [1, -200], { rel: 1e-2 });
    expectClose([0.001, 5], [0, 5], { abs: 1e-2 });
    expectClose([100, 0.5], [100, 0], { ofLargest: 0.01 });
    expectClose([3, 4], [3, 4], { abs: 0, rel: 0, nmse: 0, ofLargest: 0 });
  });

  it('names the worst element', () => {
    expect(() => expectClose([1, 2, 3], [1, 2.5, 3.1], { abs: 0.05 }, 'y')).toThrow(
      'y (3 elements): element 1 is 2 instead of 2.5, more than 5.00e-2 apart',
    );
    expect(() => expectClose([1, 2], [1, 4], { nmse: 0.1 })).toThrow(/element 1 .* NMSE 2.35e-1/);
    expect(() => expectClose([1, 2], [1, 4], { ofLargest: 0.1 })).toThrow(/5.00e-1 of the largest/);
  });

  it.each([NaN, Infinity, -Infinity])('never accepts %s', (value) => {
    for (const tolerance of [{ abs: Infinity }, { nmse: 1 }, { ofLargest: 1 }]) {
      expect(() => expectClose([0, value], [0, NaN], tolerance)).toThrow('element 1');
    }
    expect(() => expectClose([0, value], [0, 1], { abs: 1 })).toThrow('element 1');
  });

  it('refuses tensors of different lengths', () => {
    expect(() => expectClose([1], [1, 2], { abs: 1 })).toThrow('1 and 2 elements');
  });

  it('measures relative L2 error squared', () => {
    expect(measure([0, 0], [3, 4]).nmse).toBe(1);
    expect(measure([0, 0], [0, 0]).nmse).toBe(0);
  });
});
