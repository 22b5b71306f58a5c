// The shapes of the Prompt API (the draft of June 2026), by its own names.

/** Whether a session can be made at once, after a download, or not at all. */
export type LanguageModelAvailability = 'unavailable' | 'downloadable' | 'downloading' | 'available';

/** How varied answers are, from the likeliest token each time to much that is unlikely. */
export type LanguageModelSamplingMode = 'most-predictable' | 'predictable' | 'balanced' | 'creative' | 'most-creative';

/** The types of a message's part, of an input or of an output. These models take and give text, and call tools. */
export type LanguageModelMessageType = 'text' | 'image' | 'audio' | 'tool-call' | 'tool-response';

/** A part of a message. */
export interface LanguageModelMessageContent {
  /** `text`; others are refused. */
  type: LanguageModelMessageType;
  /** The text. */
  value: unknown;
}

/** One message of a conversation. */
export interface LanguageModelMessage {
  /** The author. `system` only as the first message of a session. */
  role: 'system' | 'user' | 'assistant';
  /** The text; parts are joined. */
  content: string | readonly LanguageModelMessageContent[];
  /** Of the last message, where it is the assistant's: the answer goes on with it. Default false. */
  prefix?: boolean;
}

/** The input of a session: messages, or the text of one of the user's. */
export type LanguageModelPrompt = string | readonly LanguageModelMessage[];

/** A kind of input or output that a page counts on. */
export interface LanguageModelExpected {
  /** `text`; with tools also `tool-call` and `tool-response`. */
  type: LanguageModelMessageType;
  /** Tags of languages. They are checked for being some; what a model speaks nobody can tell. */
  languages?: readonly string[];
}

/** A function of the page that the model may call while it answers. */
export interface LanguageModelTool {
  /** The name by which the model calls it. */
  name: string;
  /** For the model: what it does and when to call it. */
  description: string;
  /** JSON Schema of its argument, of type `object`. */
  inputSchema: object;
  /**
   * Does it. Several calls at once run at the same time.
   * @param input what the model gave, valid by the schema
   * @returns what the model is told
   */
  execute(input: Record<string, unknown>): Promise<string>;
}

/** The conditions of a session. */
export interface LanguageModelCreateCoreOptions {
  /** How varied answers are; default `balanced`, the model's own settings. */
  samplingMode?: LanguageModelSamplingMode;
  /** Above 0 samples; more than `params` says counts as that. Not beside `samplingMode`. */
  temperature?: number;
  /** The likeliest tokens that are sampled from, 1 or more. Not beside `samplingMode`. */
  topK?: number;
  /** Its inputs. */
  expectedInputs?: readonly LanguageModelExpected[];
  /** Its outputs. */
  expectedOutputs?: readonly LanguageModelExpected[];
  /** The tools that the model may call; for models whose chat template shows tools. */
  tools?: readonly LanguageModelTool[];
}

/** Told how far the making of a session is. */
export interface LanguageModelCreateMonitor extends EventTarget {
  /** Hears each `downloadprogress`. */
  ondownloadprogress: ((event: DownloadProgressEvent) => void) | null;
  /**
   * Adds a listener, as every event target does.
   *
   * @param type `downloadprogress`
   * @param listener hears each of them
   * @param options of the DOM: `once`, `signal` and others
   */
  addEventListener(
    type: 'downloadprogress',
    listener: (event: DownloadProgressEvent) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /**
   * Of any other type.
   *
   * @param type of the event
   * @param listener hears each of them
   * @param options of the DOM
   */
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

/** How far loading is: download, reading and preparing the GPU together. */
export interface DownloadProgressEvent extends Event {
  /** From 0 to 1; both come in any case. */
  readonly loaded: number;
  /** Always 1. */
  readonly total: number;
  /** Always true. */
  readonly lengthComputable: boolean;
}

/** How a session is made. */
export interface LanguageModelCreateOptions extends LanguageModelCreateCoreOptions {
  /** Ends the making, and later destroys the session. */
  signal?: AbortSignal;
  /** Is given what tells of progress, before anything is loaded. */
  monitor?: (monitor: LanguageModelCreateMonitor) => void;
  /** The beginning of the conversation. It is read at once, and never dropped. */
  initialPrompts?: readonly LanguageModelMessage[];
}

/** How one prompt is answered. */
export interface LanguageModelPromptOptions {
  /** The form of the answer: a JSON Schema, or a regular expression, which matches the whole of it. */
  responseConstraint?: object;
  /** Whether the model is not told of it. Default false: the question gets a sentence that says it. */
  omitResponseConstraintInput?: boolean;
  /** Ends the answer; the prompt is then not a part of the conversation. */
  signal?: AbortSignal;
}

/** How messages are appended. */
export interface LanguageModelAppendOptions {
  /** Ends it; the messages are then not a part of the conversation. */
  signal?: AbortSignal;
}

/** How a session is cloned. */
export interface LanguageModelCloneOptions {
  /** Ends it. */
  signal?: AbortSignal;
}

/** Bounds of what sessions may be made with. */
export interface LanguageModelParams {
  /** The model's own; 0 where it samples from all tokens. */
  readonly defaultTopK: number;
  /** More counts as this. */
  readonly maxTopK: number;
  /** The model's own. */
  readonly defaultTemperature: number;
  /** More counts as this. */
  readonly maxTemperature: number;
}
