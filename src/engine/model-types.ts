// Facts for a page about models that are not loaded.

import type { ErrorCode } from '../errors.ts';
import type { Scheme } from '../weights/types.ts';

/** Whether a model can be loaded, and whether that takes a download. */
export type Availability =
  /** It is kept in this browser, or chosen from the disk: it loads without a network. `bytes` of the whole model. */
  | { status: 'available'; bytes: number }
  /** It can be loaded. `bytes` are those that are still to be downloaded. */
  | { status: 'downloadable'; bytes: number }
  /** It cannot be loaded here, whatever is downloaded: no WebGPU, an adapter that is too small, a model of another kind. */
  | { status: 'unavailable'; reason: { code: ErrorCode; message: string } };

/** A model that this browser keeps, in whole or in part. */
export interface StoredModel {
  /** Identifies it among all that are stored. */
  id: string;
  /** The model's name, for people. */
  name: string;
  /** `model` of the options that load it: a repository, a URL, or `device:NAME`. */
  model: string;
  /** The other options that load it, where they differ from their defaults. */
  revision?: string;
  /** As `revision`. */
  endpoint?: string;
  /** How its matrices are stored; the option `dtype` where `model` is a checkpoint. */
  dtype: Scheme;
  /** The commit that it was made from, where it came from a repository. */
  commit?: string;
  /** Stored now. */
  bytes: number;
  /** The bytes of the whole model. */
  totalBytes: number;
  /** Whether it loads without a network. The download of an incomplete model goes on where it stopped. */
  complete: boolean;
  /** Set where its record cannot be read. It can be deleted; loading the model again replaces it. */
  damaged?: true;
  /** Milliseconds since 1970. */
  savedAt: number;
}

/** A state of a conversation that this browser keeps. */
export interface StoredState {
  /** As requests name it; left out where several conversations begin with it. */
  conversation?: string;
  /** How many tokens it is the state of. */
  tokens: number;
  /** Stored. */
  bytes: number;
  /** Name of the model that it is a state of. */
  model: string;
  /** Milliseconds since 1970. */
  savedAt: number;
}
