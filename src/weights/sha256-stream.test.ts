import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Sha256State, Sha256Stream } from './sha256-stream.ts';

const expected = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('Sha256Stream', () => {
  it('is SHA-256, however the bytes are cut, and in whatever visits they come', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 700 }),
        fc.array(fc.record({ bytes: fc.nat(200), resumes: fc.boolean() })),
        (bytes, cuts) => {
          let hash = new Sha256Stream();
          let at = 0;
          for (const cut of cuts) {
            hash.update(bytes.subarray(at, at + cut.bytes));
            at = Math.min(bytes.length, at + cut.bytes);
            expect(hash.length).toBe(at);
            expect(hash.hex()).toBe(expected(bytes.subarray(0, at)));
            if (cut.resumes) hash = new Sha256Stream(JSON.parse(JSON.stringify(hash.state)) as Sha256State);
          }
          hash.update(bytes.subarray(at));
          expect(hash.hex()).toBe(expected(bytes));
        },
      ),
    );
  });

  it('takes views that begin anywhere, and the length around a block', () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => i * 7);
    for (const length of [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129]) {
      const hash = new Sha256Stream();
      hash.update(bytes.subarray(3, 3 + length));
      expect(hash.hex()).toBe(expected(bytes.subarray(3, 3 + length)));
    }
  });
});
