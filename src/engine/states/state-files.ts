import type { Model } from '../../model/model.ts';
import {
  decodePrelude,
  encodePrelude,
  payloadBytes,
  pieceHash,
  SNAPSHOT_PIECE_BYTES,
  type SnapshotBinding,
  type SnapshotFacts,
  type SnapshotPrelude,
  type SnapshotReader,
  verifiedPieces,
} from '../../model/snapshot-bytes.ts';
import { readPieces, writePieces } from '../../model/snapshot-transfer.ts';
import { type SequenceState, stateLayout } from '../../model/state.ts';

// A model's states as bytes, and back into its live sequence.

type Bytes = Uint8Array<ArrayBuffer>;

/** The model that states belong to, and its name. */
export interface StateOwner {
  readonly model: Model;
  readonly binding: SnapshotBinding;
  /** The model's name, for people. */
  readonly name: string;
}

/** All about the bytes of a state but its numbers. @param extra what else goes with it, as JSON */
export function factsOf(
  { model, binding, name }: StateOwner,
  tokens: readonly number[],
  { logits, extra }: { logits: boolean; extra?: unknown },
): SnapshotFacts {
  const { architecture, state } = model;
  const logitsBytes = logits ? 4 * architecture.vocabSize : 0;
  return {
    binding,
    name,
    tokens,
    layout: stateLayout(architecture, tokens.length, state.cacheType),
    logitsBytes,
    extra,
  };
}

/** The reader that checks the bytes of a state against their owner. */
export function readerOf({ model, binding }: StateOwner): SnapshotReader {
  const { architecture, contextLength, state } = model;
  return {
    binding,
    vocabSize: architecture.vocabSize,
    contextLength,
    layout: (tokens) => stateLayout(architecture, tokens, state.cacheType),
  };
}

/** The places of a state's numbers, those of the logits included where there are some. */
function partsOf(model: Model, state: SequenceState, { tokens, logitsBytes }: SnapshotFacts) {
  const parts = state.ranges(tokens.length);
  return logitsBytes > 0 ? [...parts, { buffer: model.promptLogits, offset: 0, bytes: logitsBytes }] : parts;
}

/** Reads a state back in pieces. @param signal and @throws BambaError as `readPieces`. */
export function piecesOf(
  model: Model,
  state: SequenceState,
  facts: SnapshotFacts,
  signal?: AbortSignal,
): AsyncGenerator<Bytes, void> {
  return readPieces(model.gpu, partsOf(model, state, facts), signal);
}

/**
 * Makes a state the live one.
 * @param piece gives the verified piece of an index
 * @throws BambaError `out_of_memory`, what `piece` throws: the live sequence is empty then.
 */
export async function bringBack(
  model: Model,
  prelude: SnapshotPrelude,
  piece: (index: number) => Promise<Bytes>,
): Promise<void> {
  await model.adopt(prelude.tokens, () => writePieces(model.gpu, partsOf(model, model.state, prelude), piece));
}

/** The live sequence, with the logits that `prefill` left, as one file. @throws BambaError as `readPieces`. */
export async function writeStateFile(owner: StateOwner, extra: unknown): Promise<Bytes> {
  const { model } = owner;
  const facts = factsOf(owner, model.state.tokens, { logits: true, extra });
  // In one allocation: a state may take a good part of what there is.
  const payload = new Uint8Array(payloadBytes(facts));
  const hashes: Bytes[] = [];
  for await (const piece of piecesOf(model, model.state, facts)) {
    payload.set(piece, hashes.length * SNAPSHOT_PIECE_BYTES);
    hashes.push(await pieceHash(piece));
  }
  const prelude = await encodePrelude(facts, hashes);
  const file = new Uint8Array(prelude.length + payload.length);
  file.set(prelude);
  file.set(payload, prelude.length);
  return file;
}

/**
 * Makes what a file holds the live sequence, once all of it is known to be right.
 * @param check looks at what the file says, and throws where that is not to be believed
 * @throws BambaError `state_invalid`, with nothing changed; `out_of_memory`; what `check` throws.
 */
export async function readStateFile(
  owner: StateOwner,
  file: Bytes,
  check: (prelude: SnapshotPrelude) => Promise<void>,
): Promise<void> {
  const prelude = await decodePrelude(file, readerOf(owner));
  const pieces = await verifiedPieces(file, prelude);
  await check(prelude);
  await bringBack(owner.model, prelude, async (index) => pieces[index]!);
}
