// What `<bamba-chat>` tells the page, with the types of it.

import type { EngineInfo, FinishReason, LoadProgress, Scheme, Usage } from '../engine/protocol.ts';
import type { ErrorCode } from '../errors.ts';

/** What each event of `<bamba-chat>` has as its `detail`. */
export interface ChatEventDetails {
  /** Loading goes on. */
  'bamba-progress': LoadProgress;
  /** The model can answer. */
  'bamba-ready': EngineInfo;
  /** A question was asked. */
  'bamba-question': { question: string };
  /** An answer has ended. Without `finishReason` it was interrupted; without `usage` nobody counted. */
  'bamba-answer': {
    question: string;
    answer: string;
    finishReason?: FinishReason | undefined;
    usage?: Usage | undefined;
  };
  /** Loading or answering failed: the code for programs, the sentence for people. */
  'bamba-error': { code: ErrorCode | undefined; message: string };
  /** Another model, which a person chose, has loaded; a checkpoint has a `dtype`. */
  'bamba-model': { model: string; dtype?: Scheme | undefined };
  /** The colours changed. */
  'bamba-theme': 'light' | 'dark';
}

/** The events of `<bamba-chat>` by name, as `addEventListener` takes them. */
export type ChatEvents = { [Name in keyof ChatEventDetails]: CustomEvent<ChatEventDetails[Name]> };

/** An event for the page: it bubbles, and leaves shadow trees that the chat may stand in. */
export function chatEvent<Name extends keyof ChatEventDetails>(
  name: Name,
  detail: ChatEventDetails[Name],
): CustomEvent<ChatEventDetails[Name]> {
  return new CustomEvent(name, { detail, bubbles: true, composed: true });
}

declare global {
  // They bubble: whatever the chat stands in, up to the document, hears them.
  interface GlobalEventHandlersEventMap extends ChatEvents {}
}
