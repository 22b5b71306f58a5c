import * as v from 'valibot';
import { BambaError } from '../../errors.ts';
import { isPlainFileName } from '../../weights/file-name.ts';
import { parseUntrustedJson } from '../../weights/untrusted-json.ts';
import type { CheckpointFiles } from './checkpoint-files.ts';
import { systemClock } from '../store/clock.ts';
import { HttpBody } from './http-body.ts';
import { type FileFacts, HttpSource, type HttpSourceOptions } from './http-source.ts';
import { Retry, TransientFault } from './retry.ts';

// Repositories of the Hugging Face Hub, and of servers that speak its paths:
//
//   /api/models/ORG/NAME/revision/REV?blobs=true   the commit of a branch or tag, and its files with sizes and hashes
//   /ORG/NAME/resolve/COMMIT/FILE                  a file, mostly by way of a redirect

/** A repository at one of its revisions. */
export interface HubRepo {
  /** `org/name`. */
  repo: string;
  /** Branch, tag or commit. */
  revision: string;
  /** Where the server is. */
  endpoint: string;
}

/** A list of some 100,000 files. */
const MAX_LISTING_BYTES = 16 * 2 ** 20;

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const text = v.pipe(v.string(), v.maxLength(200));
const listingSchema = v.object({
  sha: v.pipe(v.string(), v.regex(/^[0-9a-f]{40,64}$/)),
  siblings: v.array(
    v.object({
      rfilename: v.string(),
      size: v.optional(size),
      blobId: v.optional(text),
      lfs: v.nullish(v.object({ sha256: v.optional(text), oid: v.optional(text), size: v.optional(size) })),
    }),
  ),
});

/**
 * The address of a server, checked.
 * @throws BambaError `setting_invalid`.
 */
export function endpointUrl(endpoint: string): URL {
  try {
    const url = new URL(endpoint);
    if (!url.pathname.endsWith('/')) url.pathname += '/';
    if (url.protocol === 'https:' || url.protocol === 'http:') return url;
  } catch {
    // told below
  }
  throw new BambaError('setting_invalid', `endpoint is ${JSON.stringify(endpoint)}; give the address of a server.`);
}

/** Whether a revision is a commit, which never changes. */
function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** The folder of a revision, as an address: what a stored model is known by. */
export function repoFolder({ repo, revision, endpoint }: HubRepo): string {
  return new URL(`${repo}/resolve/${encodeURIComponent(revision)}/`, endpointUrl(endpoint)).href;
}

/**
 * The files of a repository, all from the commit that the revision points to when they are first asked for.
 *
 * ```ts
 * const files = new HubFiles({ repo: 'ibm-granite/granite-4.0-h-350m', revision: 'main', endpoint: HUB });
 * console.log(await files.version()); // the commit
 * ```
 * Methods throw what those of `HttpSource` throw.
 */
export class HubFiles implements CheckpointFiles {
  readonly #repo: HubRepo;
  readonly #endpoint: URL;
  readonly #options: HttpSourceOptions;
  #pinned: Promise<{ commit: string; source: HttpSource }> | null = null;
  #commit: string | undefined;
  #source: HttpSource | null = null;

  /**
   * @param options.token access token, sent to the endpoint alone
   * @throws BambaError `setting_invalid` for an endpoint that is no address.
   */
  constructor(repo: HubRepo, { token, ...options }: HttpSourceOptions & { token?: string } = {}) {
    this.#repo = repo;
    this.#endpoint = endpointUrl(repo.endpoint);
    this.#options = { ...options, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } };
  }

  get commit(): string | undefined {
    return this.#commit;
  }

  /** The commit. A revision that is one already is not asked for. */
  async version(signal?: AbortSignal, attempts?: number): Promise<string> {
    const { revision } = this.#repo;
    return isCommit(revision) ? revision : (await this.#pin(signal, attempts)).commit;
  }

  async identity(file: string, signal?: AbortSignal): Promise<string | null> {
    return (await this.#pin(signal)).source.identity(file, signal);
  }

  async size(file: string, signal?: AbortSignal): Promise<number | null> {
    return (await this.#pin(signal)).source.size(file, signal);
  }

  async read(file: string, begin: number, end: number, signal?: AbortSignal, until?: number): Promise<Uint8Array> {
    return (await this.#pin(signal)).source.read(file, begin, end, signal, until);
  }

  async list(signal?: AbortSignal): Promise<readonly string[]> {
    return (await this.#pin(signal)).source.list();
  }

  async check(signal?: AbortSignal): Promise<string[]> {
    return (await this.#pin(signal)).source.check(signal);
  }

  note(file: string, begin: number, bytes: Uint8Array): void {
    this.#source?.note(file, begin, bytes);
  }

  saveHashes(): Uint8Array<ArrayBuffer> | null {
    return this.#source?.saveHashes() ?? null;
  }

  restoreHashes(saved: Uint8Array): void {
    this.#source?.restoreHashes(saved);
  }

  close(): void {
    this.#source?.close();
  }

  #pin(signal?: AbortSignal, attempts?: number): Promise<{ commit: string; source: HttpSource }> {
    this.#pinned ??= this.#list(signal, attempts).catch((error: unknown) => {
      this.#pinned = null;
      throw error;
    });
    return this.#pinned;
  }

  async #list(signal?: AbortSignal, attempts?: number): Promise<{ commit: string; source: HttpSource }> {
    const { repo, revision } = this.#repo;
    const url = new URL(`api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`, this.#endpoint);
    const { sha, siblings } = await fetchListing(url, this.#options, signal, attempts);
    const files = new Map<string, FileFacts>();
    for (const { rfilename, size: plain, blobId, lfs } of siblings) {
      const bytes = lfs?.size ?? plain;
      if (bytes === undefined || !isPlainFileName(rfilename)) continue;
      const declared = lfs?.sha256 ?? lfs?.oid;
      const sha256 = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(declared ?? '')?.[1]?.toLowerCase();
      files.set(rfilename, {
        size: bytes,
        identity: `${declared ?? blobId ?? sha} ${bytes}`,
        ...(sha256 !== undefined && { sha256 }),
      });
    }
    const folder = new URL(`${repo}/resolve/${sha}/`, this.#endpoint);
    this.#commit = sha;
    this.#source = new HttpSource((file) => new URL(file, folder), { ...this.#options, files });
    return { commit: sha, source: this.#source };
  }
}

async function fetchListing(
  url: URL,
  options: HttpSourceOptions,
  signal: AbortSignal | undefined,
  attempts?: number,
): Promise<v.InferOutput<typeof listingSchema>> {
  const { fetch = (...request) => globalThis.fetch(...request), clock = systemClock, headers = {} } = options;
  const { onWait = () => {} } = options;
  const retry = new Retry({ clock, signal, onWait, ...(attempts !== undefined && { attempts }) });
  for (;;) {
    try {
      const body = await HttpBody.open({ fetch, clock, url, headers, signal });
      try {
        return await readListing(url, body, signal);
      } finally {
        body.close();
      }
    } catch (fault) {
      await retry.after(fault);
    }
  }
}

async function readListing(
  url: URL,
  body: HttpBody,
  signal: AbortSignal | undefined,
): Promise<v.InferOutput<typeof listingSchema>> {
  body.refuseWebPage();
  if (body.response.status === 404) {
    throw new BambaError('network', `${url.host} has no such repository or revision. Check the name of the model.`);
  }
  const tooLong = () => new BambaError('network', `${url.href} is too long for a list of files.`);
  const bytes = await body.all(signal, MAX_LISTING_BYTES, tooLong);
  const announced = Number(body.response.headers.get('content-length') ?? NaN);
  const encoded = body.response.headers.get('content-encoding') !== null;
  if (!encoded && bytes.length < announced) {
    throw new TransientFault(`The answer of ${url.host} was cut off. Load again.`);
  }
  const json = parseUntrustedJson(bytes, {
    what: `The list of files from ${url.host}`,
    code: 'network',
    maxBytes: MAX_LISTING_BYTES,
    maxDepth: 32,
    maxValues: 2_000_000,
  });
  const parsed = v.safeParse(listingSchema, json, { abortEarly: true });
  if (parsed.success) return parsed.output;
  throw new BambaError('network', `${url.host} does not list files as the Hub does. Check the endpoint.`);
}
