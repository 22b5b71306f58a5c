import { BambaError } from '../../errors.ts';
import { type CheckpointFiles, versionOfFiles } from './checkpoint-files.ts';
import { type Clock, systemClock } from '../store/clock.ts';
import { contentRange, type Fetch, isEncoded, isWebPage, validatorOf } from './fetch.ts';
import { FileDigests } from './file-digests.ts';
import { HttpBody } from './http-body.ts';
import { CutFault, Retry, TransientFault } from './retry.ts';

/** Reads of at most so many bytes come from kept blocks: headers, norms and biases lie side by side. */
const SMALL_READ = 128 * 2 ** 10;
const BLOCK_BYTES = 128 * 2 ** 10;
const BLOCKS_KEPT = 32;
/** Bodies that are open at once: as many as sources that take turns in a tensor, and some. */
const BODIES_KEPT = 4;
/** Of a server that knows no ranges, files up to this size are kept in memory, one at a time. */
const MOST_WHOLE_FILE = 96 * 2 ** 20;
/** So many answers that end at one byte say more of it than of the line. */
const CUTS_AT_A_PLACE = 3;
/** Read at once for a hash alone. */
const MOST_READ = 4 * 2 ** 20;

/** The known facts about a file before it is read. */
export interface FileFacts {
  size: number;
  /** Changes with the contents. */
  identity: string;
  /** Of the contents, where they are to be held against it. */
  sha256?: string;
}

/** A server's facts about a file. */
interface AskedFacts extends FileFacts {
  /** ETag or date: answers that bring it are parts of one file. Null where the server tells neither. */
  validator: string | null;
}

export interface HttpSourceOptions {
  /** Sent with every request to `address`. */
  headers?: Record<string, string>;
  fetch?: Fetch;
  clock?: Clock;
  /** Told when a server keeps us waiting, with a sentence for people. */
  onWait?: (message: string) => void;
  /** All files that there are, where that is known. Left out, the server is asked for each. */
  files?: ReadonlyMap<string, FileFacts>;
}

/** A body that is open, and where in its file it is. */
interface OpenBody {
  file: string;
  body: HttpBody;
  position: number;
  until: number;
  /** Received, and not asked for yet. */
  rest: Uint8Array;
}

/**
 * Files on a server, read in ranges. A range that goes on where another ended is read from the same answer; an answer
 * that breaks off is asked for again from there. Memory stays at some MB.
 *
 * ```ts
 * const source = new HttpSource((file) => new URL(file, 'https://example.org/model/'));
 * const bytes = await source.read('model.safetensors', 0, 8);
 * ```
 * Methods throw BambaError `network`, `access_denied`, `aborted`, and `checkpoint_changed` where a file is no longer the
 * one that reading began with.
 */
export class HttpSource implements CheckpointFiles {
  readonly #address: (file: string) => URL;
  readonly #options: Required<Omit<HttpSourceOptions, 'files'>>;
  readonly #listed: ReadonlyMap<string, FileFacts> | undefined;
  readonly #facts = new Map<string, AskedFacts | null>();
  /** Files that a web page stands for. */
  readonly #pages = new Set<string>();
  readonly #digests: FileDigests;
  /** Stands in identities of files that no later visit can tell to be the same. */
  readonly #visit = crypto.randomUUID();
  readonly #blocks = new Map<string, Promise<Uint8Array>>();
  #bodies: OpenBody[] = [];
  /** Of a server that knows no ranges, the last one; all of those that cannot be read in parts. */
  readonly #whole = new Map<string, Uint8Array>();

  /** @param address where a file is */
  constructor(address: (file: string) => URL, { files, ...options }: HttpSourceOptions = {}) {
    this.#address = address;
    this.#listed = files;
    this.#digests = new FileDigests(
      [...(files ?? [])].flatMap(([file, { size, sha256 }]) =>
        sha256 === undefined ? [] : ([[file, { size, sha256 }]] as const),
      ),
    );
    this.#options = {
      headers: {},
      fetch: (...request) => globalThis.fetch(...request),
      clock: systemClock,
      onWait: () => {},
      ...options,
    };
  }

  async version(signal?: AbortSignal, attempts?: number): Promise<string> {
    // A stored file without a validator is not fetched at every visit.
    const identity = async (file: string) => (await this.#factsOf(file, signal, attempts))?.identity ?? null;
    return versionOfFiles({ identity });
  }

  /** Of a file without an ETag or a date it is another at every visit: nothing of it is gone on from. */
  async identity(file: string, signal?: AbortSignal, attempts?: number): Promise<string | null> {
    const facts = await this.#factsOf(file, signal, attempts);
    if (!facts) return null;
    return 'validator' in facts && facts.validator === null ? `${this.#visit} ${facts.identity}` : facts.identity;
  }

  async size(file: string, signal?: AbortSignal): Promise<number | null> {
    return (await this.#factsOf(file, signal))?.size ?? null;
  }

  async read(file: string, begin: number, end: number, signal?: AbortSignal, until: number = end): Promise<Uint8Array> {
    const whole = this.#whole.get(file);
    if (whole) return whole.slice(begin, end);
    const size = await this.size(file, signal);
    if (size === null || end > size) throw new RangeError(`${file} has no bytes [${begin}, ${end}).`);
    if (this.#facts.get(file)?.validator === null) return (await this.#inOne(file, size, signal)).slice(begin, end);
    const gap = this.#digests.gapBefore(file, begin);
    if (gap !== null) await this.#readOn(file, gap, begin, begin, signal);
    const goesOn = this.#bodies.some((open) => open.file === file && open.position === begin);
    if (goesOn || until - begin > SMALL_READ) return this.#readOn(file, begin, end, until, signal);
    const out = new Uint8Array(end - begin);
    for (let at = begin; at < end;) {
      const block = Math.floor(at / BLOCK_BYTES);
      const bytes = await this.#block(file, block, size, signal);
      const part = bytes.subarray(at - block * BLOCK_BYTES, end - block * BLOCK_BYTES);
      out.set(part, at - begin);
      at += part.length;
    }
    return out;
  }

  /** Names of all files; of a server that tells them. */
  async list(): Promise<readonly string[]> {
    return [...(this.#listed?.keys() ?? [])];
  }

  absence(file: string): string | undefined {
    return this.#pages.has(file) ? `${this.#address(file).host} answers with a web page in its place` : undefined;
  }

  /** Takes note of bytes of a file that an earlier visit read, for its hash. @throws BambaError `checkpoint_corrupt`. */
  note(file: string, begin: number, bytes: Uint8Array): void {
    this.#digests.add(file, begin, bytes);
  }

  /**
   * Compares the files that were read from with the SHA-256 that is declared of them, and reads for it what was not read.
   * @returns files that could not be compared, as too much of them was read in another order, or by earlier visits
   * @throws BambaError `checkpoint_corrupt`; as `read`.
   */
  async check(signal?: AbortSignal): Promise<string[]> {
    const uncompared: string[] = [];
    for (const { file, ranges } of this.#digests.unread()) {
      if (!ranges) uncompared.push(file);
      for (const [first, end] of ranges ?? []) {
        for (let begin = first; begin < end; begin += MOST_READ) {
          await this.#readOn(file, begin, Math.min(end, begin + MOST_READ), end, signal);
        }
      }
    }
    return uncompared;
  }

  saveHashes(): Uint8Array<ArrayBuffer> | null {
    return this.#digests.save();
  }

  restoreHashes(saved: Uint8Array): void {
    this.#digests.restore(saved);
  }

  close(): void {
    for (const { body } of this.#bodies) body.close();
    this.#bodies = [];
    this.#blocks.clear();
    this.#whole.clear();
  }

  async #factsOf(file: string, signal?: AbortSignal, attempts?: number): Promise<FileFacts | AskedFacts | null> {
    if (this.#listed) return this.#listed.get(file) ?? null;
    const known = this.#facts.get(file);
    if (known !== undefined) return known;
    const facts = await this.#ask(file, signal, attempts);
    this.#facts.set(file, facts);
    return facts;
  }

  /**
   * Asks for all of a file and takes the head of the answer. HEAD would do, but some servers compress. They tell the length
   * of the compressed file, or none, whereas a range is sent as it is. A web page stands for a file that is not there, as
   * some servers have it.
   */
  async #ask(file: string, signal?: AbortSignal, attempts?: number): Promise<AskedFacts | null> {
    const body = await this.#head(file, this.#retry(signal, attempts), signal);
    const { response } = body;
    body.close();
    if (isWebPage(response)) this.#pages.add(file);
    if (response.status === 404 || isWebPage(response)) return null;
    const { headers } = response;
    // Of an empty file there is no range.
    const length = response.status === 416 ? 0 : Number(headers.get('content-length') ?? NaN);
    const range = contentRange(response);
    const size = range?.total ?? length;
    if (
      range &&
      !Number.isNaN(length) &&
      !isEncoded(response) &&
      (range.begin !== 0 || range.end - range.begin !== length)
    ) {
      throw this.#otherRange(file, 0, `${length} bytes from ${range.begin} to ${range.end}`);
    }
    if (!Number.isSafeInteger(size)) {
      throw new BambaError(
        'network',
        `${this.#address(file).href} does not say how long it is. Choose a server that sends Content-Length.`,
      );
    }
    const validator = validatorOf(response);
    return { size, identity: `${validator ?? ''} ${size}`, validator };
  }

  async #block(file: string, index: number, size: number, signal?: AbortSignal): Promise<Uint8Array> {
    const key = `${index} ${file}`;
    let block = this.#blocks.get(key);
    // Asked for again, it is the newest.
    this.#blocks.delete(key);
    const begin = index * BLOCK_BYTES;
    const end = Math.min(size, begin + BLOCK_BYTES);
    block ??= this.#readOn(file, begin, end, end, signal);
    this.#blocks.set(key, block);
    const [oldest] = this.#blocks.keys();
    if (this.#blocks.size > BLOCKS_KEPT && oldest !== undefined) this.#blocks.delete(oldest);
    try {
      return await block;
    } catch (error) {
      this.#blocks.delete(key);
      throw error;
    }
  }

  /** Reads from a body that is at `begin`, or from a new one, which goes to `until`. */
  async #readOn(file: string, begin: number, end: number, until: number, signal?: AbortSignal): Promise<Uint8Array> {
    const out = new Uint8Array(end - begin);
    const retry = this.#retry(signal);
    let filled = 0;
    // Answers that ended at the same byte, one after the other.
    let cuts = 0;
    let open = this.#take(file, begin);
    while (filled < out.length) {
      try {
        open ??= await this.#openAt(file, begin + filled, until, signal);
        const whole = this.#whole.get(file);
        if (whole) {
          open.body.close();
          return whole.slice(begin, end);
        }
        if (open.rest.length === 0) open.rest = await this.#receive(open, signal);
        const part = open.rest.subarray(0, out.length - filled);
        out.set(part, filled);
        filled += part.length;
        open.position += part.length;
        open.rest = open.rest.subarray(part.length);
        cuts = 0;
        retry.succeeded();
      } catch (fault) {
        open?.body.close();
        open = null;
        cuts = fault instanceof CutFault ? cuts + 1 : 0;
        await retry.after(fault).catch((error: unknown) => {
          throw cuts >= CUTS_AT_A_PLACE ? this.#endsEarly(file, begin + filled, error) : error;
        });
      }
    }
    this.#digests.add(file, begin, out);
    if (open) this.#keep(open);
    return out;
  }

  #endsEarly(file: string, position: number, cause: unknown): BambaError {
    const size = (this.#listed ?? this.#facts).get(file)?.size;
    return new BambaError(
      'network',
      `${this.#address(file).host} announces ${size} bytes of ${file}, and its answers end after ${position} of them, each ` +
        'time. The file on the server is cut short, or something on the way to it is at fault. Choose another server.',
      { cause },
    );
  }

  async #receive({ body, file, position, until }: OpenBody, signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = await body.next(signal);
    if (bytes) return bytes.subarray(0, until - position);
    throw new CutFault(`${this.#address(file).host} sent less of ${file} than it announced. Load again.`);
  }

  /** Opens [begin, until) of a file. Where the server knows no ranges, the file is in memory afterwards, if it may be. */
  async #openAt(file: string, begin: number, until: number, signal?: AbortSignal): Promise<OpenBody> {
    const body = await this.#request(file, `bytes=${begin}-${until - 1}`, signal);
    try {
      body.refuseWebPage();
      this.#requireSame(file, body.response);
      if (body.response.status === 206) this.#requireRange(file, begin, until, body.response);
      else if (begin > 0) await this.#readWhole(file, body, signal);
    } catch (fault) {
      body.close();
      throw fault;
    }
    return { file, body, position: begin, until, rest: new Uint8Array() };
  }

  /** @throws BambaError `checkpoint_changed`. */
  #requireSame(file: string, response: Response): void {
    const { status } = response;
    const known = this.#facts.get(file)?.validator;
    const size = (this.#listed ?? this.#facts).get(file)?.size;
    const length = response.headers.get('content-length');
    const total =
      status === 200 && length !== null && !isEncoded(response) ? Number(length) : contentRange(response)?.total;
    const gone = status === 404 || status === 416;
    // One that is gone is as good as another one.
    const differs = known !== undefined && known !== null && validatorOf(response) !== known;
    if (!gone && !differs && (total === undefined || total === size)) return;
    throw new BambaError(
      'checkpoint_changed',
      `${this.#address(file).href} changed on its server while it was loading. Load again.`,
    );
  }

  /** @throws BambaError `checkpoint_corrupt` for an answer that is not the part that was asked for. */
  #requireRange(file: string, begin: number, until: number, response: Response): void {
    const range = contentRange(response);
    // A server of another origin may keep it from us.
    if (!range && response.type === 'cors') return;
    if (range && range.begin === begin && range.end <= until && range.end > begin) return;
    throw this.#otherRange(
      file,
      begin,
      range ? `those from ${range.begin} to ${range.end}` : 'some that it does not name',
    );
  }

  #otherRange(file: string, begin: number, found: string): BambaError {
    return new BambaError(
      'checkpoint_corrupt',
      `${this.#address(file).host} was asked for the bytes of ${file} from ${begin} on, and sends ${found}. It, or ` +
        'something on the way to it, does not answer Range requests rightly. Choose another server or network.',
    );
  }

  /** All of a file in one answer: without a validator nobody can tell whether two answers are of the same file. */
  async #inOne(file: string, size: number, signal?: AbortSignal): Promise<Uint8Array> {
    const kept = [...this.#whole.values()].reduce((sum, { length }) => sum + length, 0);
    if (kept + size > MOST_WHOLE_FILE) {
      throw new BambaError(
        'network',
        `${this.#address(file).host} tells neither an ETag nor a date of ${file}, so that nobody could tell whether its ` +
          `parts belong together, and it has ${(size / 1e9).toFixed(1)} GB. Choose another server, or save the files and ` +
          'choose them from your disk.',
      );
    }
    if (size === 0) return new Uint8Array();
    const retry = this.#retry(signal);
    for (;;) {
      let body: HttpBody | null = null;
      try {
        body = await this.#request(file, `bytes=0-${size - 1}`, signal);
        body.refuseWebPage();
        this.#requireSame(file, body.response);
        return await this.#readWhole(file, body, signal);
      } catch (fault) {
        await retry.after(fault);
      } finally {
        body?.close();
      }
    }
  }

  /** The whole of a file, from a server that gives no parts. @throws BambaError `network` for one that is too large. */
  async #readWhole(file: string, body: HttpBody, signal?: AbortSignal): Promise<Uint8Array> {
    const size = (await this.size(file, signal)) ?? 0;
    if (size > MOST_WHOLE_FILE) {
      throw new BambaError(
        'network',
        `${this.#address(file).host} cannot send parts of a file (no Range requests), and ${file} has ` +
          `${(size / 1e9).toFixed(1)} GB. Choose another server, or save the files and choose them from your disk.`,
      );
    }
    const wrong = () => new TransientFault(`${file} is not as long as its server says. Load again.`);
    const bytes = await body.all(signal, size, wrong);
    if (bytes.length < size) throw wrong();
    this.#digests.add(file, 0, bytes);
    // One at a time, but for those that cannot be asked for again.
    for (const other of this.#whole.keys()) if (this.#facts.get(other)?.validator !== null) this.#whole.delete(other);
    this.#whole.set(file, bytes);
    return bytes;
  }

  async #head(file: string, retry: Retry, signal?: AbortSignal): Promise<HttpBody> {
    for (;;) {
      try {
        return await this.#request(file, 'bytes=0-', signal);
      } catch (fault) {
        await retry.after(fault);
      }
    }
  }

  #request(file: string, range: string, signal?: AbortSignal): Promise<HttpBody> {
    const { fetch, clock, headers } = this.#options;
    return HttpBody.open({ fetch, clock, signal, url: this.#address(file), headers: { ...headers, range } });
  }

  #retry(signal: AbortSignal | undefined, attempts?: number): Retry {
    const { clock, onWait } = this.#options;
    return new Retry({ clock, signal, onWait, ...(attempts !== undefined && { attempts }) });
  }

  #take(file: string, position: number): OpenBody | null {
    const found = this.#bodies.find((open) => open.file === file && open.position === position);
    this.#bodies = this.#bodies.filter((open) => open !== found);
    return found ?? null;
  }

  #keep(open: OpenBody): void {
    if (open.position >= open.until) {
      open.body.close();
      return;
    }
    this.#bodies.push(open);
    if (this.#bodies.length > BODIES_KEPT) this.#bodies.shift()?.body.close();
  }
}
