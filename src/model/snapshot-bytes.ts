import { BambaError } from '../errors.ts';
import { isRecord, parseUntrustedJson } from '../weights/untrusted-json.ts';
import type { StateBuffer } from './state-layout.ts';

// A sequence's state as bytes: a prelude that says all about it, then its buffers, one behind the other, cut into pieces.
//
//   prelude   magic (8 bytes), version, bytes of the header, tokens, pieces (u32 each, little-endian); the header (JSON);
//             the tokens' ids (u32 each); SHA-256 of each piece; SHA-256 of all that stands before it
//   payload   the buffers in the order of the header, then the logits where there are some
//
// So the last hash of the prelude is over everything, and yet each piece is verified by itself, before anything else is read.

/** Bytes of a piece of the payload, but the last: reading holds one at once, and writing a few. */
export const SNAPSHOT_PIECE_BYTES = 4 * 2 ** 20;
/** The version of the format that this code writes, and the only one that it reads. */
export const SNAPSHOT_VERSION = 1;

const MAGIC = new TextEncoder().encode('bambasta');
const HASH_BYTES = 32;
const FIXED_BYTES = MAGIC.length + 4 * 4;
/** A long chat's messages have some MB. */
const MAX_HEADER_BYTES = 64 * 2 ** 20;

/** The facts that a state is bound to: with any other of them, its numbers mean nothing. */
export interface SnapshotBinding {
  /** SHA-256 of what the model is: its weights, and how they are computed with. */
  readonly model: string;
  /** SHA-256 of the shaders. */
  readonly shaders: string;
  /** Of the weights. */
  readonly scheme: string;
}

/** The state that its reader expects. */
export interface SnapshotReader {
  readonly binding: SnapshotBinding;
  readonly vocabSize: number;
  readonly contextLength: number;
  /** The parts of a state of so many tokens. */
  layout(tokens: number): readonly StateBuffer[];
}

/** All about a state but its numbers. */
export interface SnapshotFacts {
  readonly binding: SnapshotBinding;
  /** The model's name, for people. */
  readonly name: string;
  readonly tokens: readonly number[];
  readonly layout: readonly StateBuffer[];
  /** Bytes of the logits that follow the buffers; 0 where there are none. */
  readonly logitsBytes: number;
  /** Further data that goes with it, as JSON. */
  readonly extra?: unknown;
}

/** A prelude that was read and believed. */
export interface SnapshotPrelude extends SnapshotFacts {
  /** Bytes of the prelude itself: the payload begins there where both are in one file. */
  readonly bytes: number;
  readonly payloadBytes: number;
  /** SHA-256 of each piece. */
  readonly hashes: readonly Uint8Array[];
}

type Bytes = Uint8Array<ArrayBuffer>;

/** SHA-256 of a piece. */
export async function pieceHash(piece: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', piece));
}

/** Bytes of the buffers and the logits. */
export function payloadBytes({ layout, logitsBytes }: Pick<SnapshotFacts, 'layout' | 'logitsBytes'>): number {
  return layout.reduce((sum, { bytes }) => sum + bytes, logitsBytes);
}

/** Writes a prelude. @param hashes of the pieces, in order. */
export async function encodePrelude(facts: SnapshotFacts, hashes: readonly Bytes[]): Promise<Bytes> {
  const { binding, name, tokens, layout, logitsBytes, extra } = facts;
  const header = new TextEncoder().encode(JSON.stringify({ ...binding, name, layout, logitsBytes, extra }));
  const end = FIXED_BYTES + header.length + 4 * tokens.length + HASH_BYTES * hashes.length;
  const bytes = new Uint8Array(end + HASH_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  const counts = [SNAPSHOT_VERSION, header.length, tokens.length, hashes.length];
  for (const [index, count] of counts.entries()) view.setUint32(MAGIC.length + 4 * index, count, true);
  bytes.set(header, FIXED_BYTES);
  const ids = FIXED_BYTES + header.length;
  for (const [index, id] of tokens.entries()) view.setUint32(ids + 4 * index, id, true);
  for (const [index, hash] of hashes.entries()) bytes.set(hash, ids + 4 * tokens.length + HASH_BYTES * index);
  bytes.set(await pieceHash(bytes.subarray(0, end)), end);
  return bytes;
}

/**
 * Reads a prelude, at the beginning of `bytes`, and believes it only where all of it is right. Its claims are compared
 * with the bytes that are there before anything is allocated.
 * @throws BambaError `state_invalid`.
 */
export async function decodePrelude(bytes: Bytes, reader: SnapshotReader): Promise<SnapshotPrelude> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!MAGIC.every((byte, index) => bytes[index] === byte)) throw invalid('is none of bamba-web');
  if (bytes.length < FIXED_BYTES + HASH_BYTES) throw cutShort();
  const [version, headerBytes, tokenCount, pieceCount] = [0, 1, 2, 3].map((index) =>
    view.getUint32(MAGIC.length + 4 * index, true),
  ) as [number, number, number, number];
  if (version !== SNAPSHOT_VERSION) {
    throw invalid(`is of version ${version} of its format, and this version of bamba-web reads ${SNAPSHOT_VERSION}`);
  }
  const end = FIXED_BYTES + headerBytes + 4 * tokenCount + HASH_BYTES * pieceCount;
  if (end + HASH_BYTES > bytes.length) throw cutShort();
  const hash = await pieceHash(bytes.subarray(0, end));
  if (!hash.every((byte, index) => byte === bytes[end + index])) throw damaged();
  const ids = FIXED_BYTES + headerBytes;
  const header = parseUntrustedJson(bytes.subarray(FIXED_BYTES, ids), {
    what: 'The header of the kept state',
    code: 'state_invalid',
    maxBytes: MAX_HEADER_BYTES,
    maxDepth: 64,
    maxValues: 2_000_000,
  });
  if (!isRecord(header)) throw damaged();
  const { name, logitsBytes, extra } = header;
  checkBinding(header, reader.binding);
  if (tokenCount > reader.contextLength) {
    throw invalid(`has ${tokenCount} tokens, and the context has room for ${reader.contextLength}`);
  }
  const layout = reader.layout(tokenCount);
  if (JSON.stringify(header['layout']) !== JSON.stringify(layout)) {
    throw invalid('is laid out otherwise than those of this model');
  }
  if (typeof name !== 'string' || (logitsBytes !== 0 && logitsBytes !== 4 * reader.vocabSize)) throw damaged();
  const payload = payloadBytes({ layout, logitsBytes });
  if (pieceCount !== Math.ceil(payload / SNAPSHOT_PIECE_BYTES)) throw damaged();
  const tokens = Array.from({ length: tokenCount }, (_, index) => view.getUint32(ids + 4 * index, true));
  const beyond = tokens.find((id) => id >= reader.vocabSize);
  if (beyond !== undefined) throw invalid(`has token id ${beyond}, which the model does not have`);
  const hashes = Array.from({ length: pieceCount }, (_, index) => {
    const begin = ids + 4 * tokenCount + HASH_BYTES * index;
    return bytes.slice(begin, begin + HASH_BYTES);
  });
  const { binding } = reader;
  return {
    binding,
    name,
    tokens,
    layout,
    logitsBytes,
    extra,
    bytes: end + HASH_BYTES,
    payloadBytes: payload,
    hashes,
  };
}

/** @throws BambaError `state_invalid` with what differs. */
function checkBinding(header: Record<string, unknown>, expected: SnapshotBinding): void {
  const { name, model, shaders, scheme } = header;
  const known = typeof name === 'string' && name !== '' ? ` (${name.slice(0, 100)})` : '';
  if (scheme !== expected.scheme) {
    throw invalid(
      `is of weights in ${String(scheme).slice(0, 20)}${known}, and the model that is loaded has ${expected.scheme}`,
      FOREIGN,
    );
  }
  if (model !== expected.model) throw invalid(`is of another model${known}`, FOREIGN);
  if (shaders !== expected.shaders) throw invalid('was computed by another version of bamba-web', FOREIGN);
}

/** The range of piece `index` in a payload. */
export function pieceRange(index: number, payload: number): { begin: number; end: number } {
  const begin = index * SNAPSHOT_PIECE_BYTES;
  return { begin, end: Math.min(payload, begin + SNAPSHOT_PIECE_BYTES) };
}

/** @throws BambaError `state_invalid` where a piece is not the one that the prelude names. */
export async function verifyPiece(prelude: SnapshotPrelude, index: number, piece: Bytes): Promise<void> {
  const { begin, end } = pieceRange(index, prelude.payloadBytes);
  if (piece.length !== end - begin) throw cutShort();
  const hash = await pieceHash(piece);
  if (!hash.every((byte, position) => byte === prelude.hashes[index]![position])) throw damaged();
}

/**
 * The pieces of a file that begins with `prelude`, all of them verified.
 * @throws BambaError `state_invalid`: cut short, too long, damaged.
 */
export async function verifiedPieces(file: Bytes, prelude: SnapshotPrelude): Promise<Bytes[]> {
  const payload = file.subarray(prelude.bytes);
  if (payload.length < prelude.payloadBytes) throw cutShort();
  if (payload.length > prelude.payloadBytes) throw invalid('is longer than it says');
  const pieces = prelude.hashes.map((_, index) => {
    const { begin, end } = pieceRange(index, prelude.payloadBytes);
    return payload.subarray(begin, end);
  });
  for (const [index, piece] of pieces.entries()) await verifyPiece(prelude, index, piece);
  return pieces;
}

const WHAT_TO_DO = 'The conversation can be begun anew from its text.';

/** The cause of the error for a state that is whole, and of something else. */
const FOREIGN = Symbol('foreign');

function invalid(what: string, cause?: symbol): BambaError {
  return new BambaError('state_invalid', `The kept state ${what}. ${WHAT_TO_DO}`, { cause });
}

/** Whether a state was refused because it is of another model, scheme or version, and not because it is damaged. */
export function isForeign({ cause }: BambaError): boolean {
  return cause === FOREIGN;
}

function cutShort(): BambaError {
  return invalid('is cut short');
}

function damaged(): BambaError {
  return invalid('is damaged');
}
