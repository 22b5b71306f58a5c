import { BambaError } from '../../errors.ts';
import { type Sha256State, Sha256Stream } from '../../weights/sha256-stream.ts';

/** Bytes that may wait for those before them, of all files together. */
const MOST_WAITING = 96 * 2 ** 20;
/** Of what was never read of a file, so much is read for its hash alone, and this part of its size. */
const MOST_READ_FOR_HASH = 8 * 2 ** 20;
const MOST_READ_SHARE = 0.05;
/** Saved states are as long as multiples of this. */
const SAVED_BYTES = 4096;

interface Chunk {
  begin: number;
  bytes: Uint8Array;
}

interface Digest {
  size: number;
  sha256: string;
  hash: Sha256Stream;
  /** The parts that came before their turn, in order. */
  waiting: Chunk[];
  state: 'open' | 'equal' | 'differs' | 'given up';
  /** Begun in an earlier visit. */
  resumed: boolean;
}

/**
 * Hashes files as they are read, and compares them with the SHA-256 that their server declares. A hash goes through a file
 * from its begin to its end, and reading does not quite: what comes before its turn waits. Where too much would wait, the
 * file is given up, and `unread` names it.
 */
export class FileDigests {
  readonly #digests = new Map<string, Digest>();
  #waiting = 0;

  /** @param declared size and SHA-256 of the files that have one */
  constructor(declared: Iterable<readonly [file: string, facts: { size: number; sha256: string }]>) {
    for (const [file, { size, sha256 }] of declared) {
      const hash = new Sha256Stream();
      this.#digests.set(file, { size, sha256, hash, waiting: [], state: 'open', resumed: false });
    }
  }

  /**
   * Takes bytes that were read of a file.
   * @throws BambaError `checkpoint_corrupt` where with them the file is whole, and differs.
   */
  add(file: string, begin: number, bytes: Uint8Array): void {
    const digest = this.#digests.get(file);
    if (!digest) return;
    if (digest.state === 'differs') throw differs(file);
    if (digest.state !== 'open') return;
    const { hash, waiting } = digest;
    if (begin > hash.length) {
      this.#wait(digest, { begin, bytes });
      return;
    }
    let next: Chunk | undefined = { begin, bytes };
    while (next && next.begin <= hash.length) {
      if (next.bytes !== bytes) this.#release(waiting.shift());
      hash.update(next.bytes.subarray(hash.length - next.begin));
      next = waiting[0];
    }
    if (hash.length < digest.size) return;
    digest.state = hash.hex() === digest.sha256 ? 'equal' : 'differs';
    this.#forget(digest);
    if (digest.state === 'differs') throw differs(file);
  }

  /** Where a hash that an earlier visit began lacks the bytes before `begin`, and they are few: where they begin. */
  gapBefore(file: string, begin: number): number | null {
    const digest = this.#digests.get(file);
    if (digest?.state !== 'open' || !digest.resumed) return null;
    const gap = begin - digest.hash.length;
    return gap > 0 && gap <= MOST_READ_FOR_HASH / 4 ? digest.hash.length : null;
  }

  /** The missing parts of the hashes of read files; `ranges` is null where they are not worth reading. */
  unread(): { file: string; ranges: [begin: number, end: number][] | null }[] {
    const open = [...this.#digests].filter(
      ([, { state, hash, waiting }]) =>
        state === 'given up' || (state === 'open' && (hash.length > 0 || waiting.length > 0)),
    );
    return open.map(([file, { state, size, hash, waiting }]) => {
      if (state === 'given up') return { file, ranges: null };
      const ranges: [number, number][] = [];
      let at = hash.length;
      for (const { begin, bytes } of waiting) {
        if (begin > at) ranges.push([at, begin]);
        at = Math.max(at, begin + bytes.length);
      }
      if (at < size) ranges.push([at, size]);
      const total = ranges.reduce((sum, [begin, end]) => sum + end - begin, 0);
      return { file, ranges: total <= MOST_READ_FOR_HASH + size * MOST_READ_SHARE ? ranges : null };
    });
  }

  /** How far the hashes are, for a later visit to go on from; null where there are none. */
  save(): Uint8Array<ArrayBuffer> | null {
    const begun = [...this.#digests].filter(([, { state, hash }]) => state === 'open' && hash.length > 0);
    if (begun.length === 0) return null;
    const states = begun.map(([file, { sha256, hash }]) => [file, sha256, hash.state]);
    const text = JSON.stringify(states);
    return new TextEncoder().encode(text.padEnd(Math.ceil(text.length / SAVED_BYTES) * SAVED_BYTES));
  }

  /** Goes on from what `save` gave, for files that are declared as they were. */
  restore(saved: Uint8Array): void {
    for (const [file, sha256, state] of JSON.parse(new TextDecoder().decode(saved)) as [
      string,
      string,
      Sha256State,
    ][]) {
      const digest = this.#digests.get(file);
      if (digest?.state !== 'open' || digest.sha256 !== sha256 || digest.hash.length >= state.length) continue;
      digest.hash = new Sha256Stream(state);
      digest.resumed = true;
    }
  }

  #wait(digest: Digest, chunk: Chunk): void {
    const { waiting } = digest;
    const after = waiting.findIndex(({ begin }) => begin > chunk.begin);
    waiting.splice(after < 0 ? waiting.length : after, 0, chunk);
    this.#waiting += chunk.bytes.length;
    if (this.#waiting <= MOST_WAITING) return;
    digest.state = 'given up';
    this.#forget(digest);
  }

  #release(chunk: Chunk | undefined): void {
    this.#waiting -= chunk?.bytes.length ?? 0;
  }

  #forget(digest: Digest): void {
    for (const chunk of digest.waiting.splice(0)) this.#release(chunk);
  }
}

function differs(file: string): BambaError {
  return new BambaError(
    'checkpoint_corrupt',
    `${file} differs from what its server declares: its SHA-256 is another. Nothing of it is kept. Load again; if it stays ` +
      'so, the files on the server, or something on the way to it, are at fault.',
  );
}
