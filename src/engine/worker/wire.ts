import type { ProxyMarked } from 'comlink';
import { asBambaError, BambaError, type ErrorData } from '../../errors.ts';
import type { ResumePoint } from '../answers/answer-course.ts';
import type { LocalEngineOptions } from '../local-engine.ts';
import type { ModelSource } from '../loading/find-model.ts';
import type {
  Availability,
  ChatMessage,
  EngineInfo,
  EngineStatus,
  GenerationEvent,
  GenerationRequest,
  LoadProgress,
  MovedState,
  TokenizeOptions,
  TuningProgress,
  TuningResult,
} from '../protocol.ts';

/** The model to load, and the options of loading. */
export type LoadOptions = ModelSource &
  Pick<
    LocalEngineOptions,
    | 'contextLength'
    | 'ropeScaling'
    | 'precision'
    | 'stateCacheBytes'
    | 'storedStateBytes'
    | 'kvCacheType'
    | 'stateCacheType'
    | 'batch'
    | 'speculation'
  >;

/** The calls that the worker takes from the page. */
export interface WorkerApi {
  /** Answers at once, whatever else is under way: a worker that does not is stuck, or gone. */
  ping(): void;
  /**
   * Holds the Web Lock of this name for as long as the worker lives: whoever gets it then knows that the worker is gone.
   * @returns once it is held; false where the browser has no locks
   */
  holdLife(lock: string): Promise<boolean>;
  /**
   * Loads a model. If its files change meanwhile, loading begins again, once. `onStatus` hears of losses of the GPU
   * from then on, and with each what the engine is by then.
   */
  load(
    options: LoadOptions,
    onProgress: ((progress: LoadProgress) => void | Promise<void>) & ProxyMarked,
    onStatus: ((status: EngineStatus, info: EngineInfo) => void | Promise<void>) & ProxyMarked,
  ): Promise<WireResult<EngineInfo>>;
  abortLoading(): void;
  /**
   * Serves another tab, of this name, for as long as that holds its lock. Its calls on its channel count as the page's,
   * except for the end of the engine.
   * @returns false where it cannot be served
   */
  serve(tab: string): Promise<boolean>;
  /** Whether a model could be loaded. */
  availability(model: ModelSource): Promise<WireResult<Availability>>;
  /**
   * Streams one generation over `port`, or the rest of one that another worker began. It waits for those of other tabs,
   * unless `queue` is false.
   */
  generate(request: GenerationRequest, resume: ResumePoint | null, port: MessagePort, queue?: boolean): Promise<void>;
  /** Tunes the loaded model; `port` brings the wish to end it. `queue` as above. */
  tune(
    onProgress: ((progress: TuningProgress) => void | Promise<void>) & ProxyMarked,
    port: MessagePort,
    queue?: boolean,
  ): Promise<WireResult<TuningResult>>;
  /** The ids of a chat or a text; `port` brings the wish to end it, as to the two below. */
  tokenize(input: TokenInput, options: TokenSettings, port: MessagePort): Promise<WireResult<number[]>>;
  countTokens(input: TokenInput, options: TokenSettings, port: MessagePort): Promise<WireResult<number>>;
  /** The text of ids. */
  detokenize(ids: readonly number[], skipSpecialTokens: boolean, port: MessagePort): Promise<WireResult<string>>;
  /** The state of a chat as bytes, which are handed over; `port` as above, also to the next. */
  exportState(messages: readonly ChatMessage[], port: MessagePort): Promise<WireResult<Uint8Array<ArrayBuffer>>>;
  importState(bytes: Uint8Array<ArrayBuffer>, port: MessagePort): Promise<WireResult<MovedState>>;
  dispose(): void;
}

/** The input that is made into tokens. */
export type TokenInput = string | readonly ChatMessage[];
/** How, as far as it can cross. */
export type TokenSettings = Omit<TokenizeOptions, 'signal'>;

/** The messages on a generation's port to the page; the page sends `abort`. */
export type GenerationMessage =
  { type: 'event'; event: GenerationEvent } | { type: 'end' } | { type: 'error'; error: ErrorData };

export type WireResult<Value> = { value: Value } | { error: ErrorData };

/** For the worker: an error as it crosses. */
export function toWire(error: unknown): ErrorData {
  const { code, message } = asTyped(error);
  return { code, message };
}

/** For the page: what the worker answered. @throws BambaError where that is an error */
export function valueOf<Value>(result: WireResult<Value>): Value {
  if ('error' in result) throw fromWire(result.error);
  return result.value;
}

/** For the page: an error that crossed. */
export function fromWire({ code, message }: ErrorData): BambaError {
  return new BambaError(code, message);
}

/** An error with a code for any value that was thrown on the way to the worker or in it. */
export function asTyped(error: unknown): BambaError {
  if (error instanceof Error && error.name === 'DataCloneError') {
    return new BambaError(
      'setting_invalid',
      `An option or a request holds something that cannot be handed to the engine's worker, such as a function: ${error.message}`,
      { cause: error },
    );
  }
  return asBambaError(error);
}
