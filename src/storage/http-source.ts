import { BambaError } from '../errors.ts';
import { type CheckpointFiles, versionOfFiles } from './checkpoint-files.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Fetch, isWebPage } from './fetch.ts';
import { HttpBody } from './http-body.ts';
import { Retry, TransientFault } from './retry.ts';

/** What reaches no further than this is read from blocks that are kept: headers, norms and biases lie side by side. */
const SMALL_READ = 128 * 2 ** 10;
const BLOCK_BYTES = 128 * 2 ** 10;
const BLOCKS_KEPT = 32;
/** Bodies that are open at once: as many as sources that take turns in a tensor, and some. */
const BODIES_KEPT = 4;
/** Of a server that knows no ranges, files up to this size are kept in memory, one at a time. */
const MOST_WHOLE_FILE = 96 * 2 ** 20;

/** What is known of a file before it is read. */
export interface FileFacts {
  size: number;
  /** Changes with the contents. */
  identity: string;
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
  readonly #facts = new Map<string, FileFacts | null>();
  readonly #etags = new Map<string, string>();
  readonly #blocks = new Map<string, Promise<Uint8Array>>();
  #bodies: OpenBody[] = [];
  /** Of a server that knows no ranges. */
  #whole: { file: string; bytes: Uint8Array } | null = null;

  /** @param address where a file is */
  constructor(address: (file: string) => URL, { files, ...options }: HttpSourceOptions = {}) {
    this.#address = address;
    this.#listed = files;
    this.#options = {
      headers: {},
      fetch: (...request) => globalThis.fetch(...request),
      clock: systemClock,
      onWait: () => {},
      ...options,
    };
  }

  async version(signal?: AbortSignal, attempts?: number): Promise<string> {
    return versionOfFiles(this, signal, attempts);
  }

  async identity(file: string, signal?: AbortSignal, attempts?: number): Promise<string | null> {
    return (await this.#factsOf(file, signal, attempts))?.identity ?? null;
  }

  async size(file: string, signal?: AbortSignal): Promise<number | null> {
    return (await this.#factsOf(file, signal))?.size ?? null;
  }

  async read(file: string, begin: number, end: number, signal?: AbortSignal, until: number = end): Promise<Uint8Array> {
    if (this.#whole?.file === file) return this.#whole.bytes.slice(begin, end);
    const size = await this.size(file, signal);
    if (size === null || end > size) throw new RangeError(`${file} has no bytes [${begin}, ${end}).`);
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

  close(): void {
    for (const { body } of this.#bodies) body.close();
    this.#bodies = [];
    this.#blocks.clear();
    this.#whole = null;
  }

  async #factsOf(file: string, signal?: AbortSignal, attempts?: number): Promise<FileFacts | null> {
    if (this.#listed) return this.#listed.get(file) ?? null;
    const known = this.#facts.get(file);
    if (known !== undefined) return known;
    const facts = await this.#ask(file, signal, attempts);
    this.#facts.set(file, facts);
    return facts;
  }

  /**
   * Asks for all of a file and takes the head of the answer. HEAD would do, but for servers that compress: they tell the
   * length of what they would send, or none, where a range is sent as it is. A web page stands for a file that is not
   * there, as some servers have it.
   */
  async #ask(file: string, signal?: AbortSignal, attempts?: number): Promise<FileFacts | null> {
    const body = await this.#head(file, this.#retry(signal, attempts), signal);
    const { response } = body;
    body.close();
    if (response.status === 404 || isWebPage(response)) return null;
    const { headers } = response;
    // Of an empty file there is no range.
    const size = response.status === 416 ? 0 : Number(headers.get('content-length') ?? NaN);
    if (!Number.isSafeInteger(size)) {
      throw new BambaError(
        'network',
        `${this.#address(file).href} does not say how long it is. Choose a server that sends Content-Length.`,
      );
    }
    const etag = headers.get('etag');
    if (etag !== null) this.#etags.set(file, etag);
    return { size, identity: `${etag ?? headers.get('last-modified') ?? ''} ${size}` };
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
    let open = this.#take(file, begin);
    while (filled < out.length) {
      try {
        open ??= await this.#openAt(file, begin + filled, until, signal);
        if (this.#whole?.file === file) {
          open.body.close();
          return this.#whole.bytes.slice(begin, end);
        }
        if (open.rest.length === 0) open.rest = await this.#receive(open, signal);
        const part = open.rest.subarray(0, out.length - filled);
        out.set(part, filled);
        filled += part.length;
        open.position += part.length;
        open.rest = open.rest.subarray(part.length);
        retry.succeeded();
      } catch (fault) {
        open?.body.close();
        open = null;
        await retry.after(fault);
      }
    }
    if (open) this.#keep(open);
    return out;
  }

  async #receive({ body, file, position, until }: OpenBody, signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = await body.next(signal);
    if (bytes) return bytes.subarray(0, until - position);
    throw new TransientFault(
      new BambaError('network', `${this.#address(file).host} sent less of ${file} than it announced. Load again.`),
    );
  }

  /** Opens [begin, until) of a file. Where the server knows no ranges, the file is in memory afterwards, if it may be. */
  async #openAt(file: string, begin: number, until: number, signal?: AbortSignal): Promise<OpenBody> {
    const body = await this.#request(file, `bytes=${begin}-${until - 1}`, signal);
    try {
      this.#requireSame(file, body.response);
      body.refuseWebPage();
      if (body.response.status !== 206 && begin > 0) await this.#readWhole(file, body, signal);
    } catch (fault) {
      body.close();
      throw fault;
    }
    return { file, body, position: begin, until, rest: new Uint8Array() };
  }

  /** @throws BambaError `checkpoint_changed`. */
  #requireSame(file: string, { status, headers }: Response): void {
    const etag = headers.get('etag');
    const known = this.#etags.get(file);
    const total = /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1];
    const size = (this.#listed ?? this.#facts).get(file)?.size;
    const gone = status === 404 || status === 416;
    const differs = etag !== null && known !== undefined && etag !== known;
    if (!gone && !differs && (total === undefined || Number(total) === size)) return;
    throw new BambaError(
      'checkpoint_changed',
      `${this.#address(file).href} changed on its server while it was loading. Load again.`,
    );
  }

  /** The whole of a file, from a server that gives no parts. @throws BambaError `network` for one that is too large. */
  async #readWhole(file: string, body: HttpBody, signal?: AbortSignal): Promise<void> {
    const size = (await this.size(file, signal)) ?? 0;
    if (size > MOST_WHOLE_FILE) {
      throw new BambaError(
        'network',
        `${this.#address(file).host} cannot send parts of a file (no Range requests), and ${file} has ` +
          `${(size / 1e9).toFixed(1)} GB. Choose another server, or save the files and choose them from your disk.`,
      );
    }
    const wrong = () =>
      new TransientFault(new BambaError('network', `${file} is not as long as its server says. Load again.`));
    const bytes = await body.all(signal, size, wrong);
    if (bytes.length < size) throw wrong();
    this.#whole = { file, bytes };
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
