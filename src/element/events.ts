// The events of `<bamba-chat>`, with their types.

import type { EngineInfo, FinishReason, LoadProgress, Scheme, Usage } from '../engine/protocol.ts';
import type { ErrorCode } from '../errors.ts';

/** The events of `<bamba-chat>` by name, as `addEventListener` takes them. */
export interface ChatEvents {
  /** Loading goes on. */
  'bamba-progress': CustomEvent<LoadProgress>;
  /** The model can answer. */
  'bamba-ready': CustomEvent<EngineInfo>;
  /** A question was asked. */
  'bamba-question': CustomEvent<{ question: string }>;
  /** An answer has ended. Without `finishReason` it was interrupted; without `usage` nobody counted. */
  'bamba-answer': CustomEvent<{
    question: string;
    answer: string;
    finishReason?: FinishReason | undefined;
    usage?: Usage | undefined;
  }>;
  /** Loading or answering failed: the code for programs, the sentence for people. */
  'bamba-error': CustomEvent<{ code: ErrorCode; message: string }>;
  /** Another model, which a person chose, has loaded; a checkpoint has a `dtype`. */
  'bamba-model': CustomEvent<{ model: string; dtype?: Scheme | undefined }>;
  /** The colours changed. */
  'bamba-theme': CustomEvent<'light' | 'dark'>;
}

/** The `detail` of an event. */
export type ChatEventDetail<Name extends keyof ChatEvents> = ChatEvents[Name]['detail'];

/** An event for the page: it bubbles, and leaves shadow trees that the chat may stand in. */
export function chatEvent<Name extends keyof ChatEvents>(
  name: Name,
  detail: ChatEventDetail<Name>,
): CustomEvent<ChatEventDetail<Name>> {
  return new CustomEvent(name, { detail, bubbles: true, composed: true });
}

declare global {
  // They bubble: whatever the chat stands in, up to the document, hears them.
  interface GlobalEventHandlersEventMap extends ChatEvents {}
}
