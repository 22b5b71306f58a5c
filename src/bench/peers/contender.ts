import type { Architecture } from '../../architecture/architecture.ts';
import type { PeerScheme } from './random-model.ts';

/** The model that every runtime is given. */
export interface PeerModel {
  architecture: Architecture;
  scheme: PeerScheme;
  /** Tokens that a sequence must have room for. */
  contextLength: number;
}

/** A runtime with a model in it, ready to answer. One sequence, greedy. */
export interface Contender {
  /** What computes, for people: `WebGPU`, `CPU, 4 threads`. */
  readonly backend: string;
  /** Bytes of weights that it was given. */
  readonly bytes: number;
  /** Logits of the token after `ids`, in a sequence of their own. */
  logits(ids: readonly number[]): Promise<Float32Array>;
  /** Seconds from so many ids on the host to the next token, in a sequence of its own. */
  prefill(tokens: number): Promise<number>;
  /** Seconds a token, over `tokens` tokens after a context of `context`. */
  decode(context: number, tokens: number): Promise<number>;
  /** Dispatches that `work` takes of it; null where it dispatches nothing to a GPU. */
  dispatches(work: () => Promise<unknown>): Promise<number | null>;
  dispose(): Promise<void>;
}

/** A runtime that models can be loaded into. */
export interface Runtime {
  /** `bamba-web`, or the package with its version. */
  readonly name: string;
  /** How its matrices and activations are stored, for people. */
  format(scheme: PeerScheme): string;
  /** All that has to happen to a model before loading, which is not counted: making its random weights. */
  prepare(model: PeerModel): Promise<() => Promise<Contender>>;
}

/** Ids of a prompt, always the same, over the whole vocabulary. */
export function promptIds(count: number, vocabulary: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * 7919 + 17) % vocabulary);
}
