// The attributes of `<bamba-chat>` in templates of frameworks, derived from the element itself.

import type { BambaChat } from '../bamba-chat.ts';
import type { ChatOptions } from '../chat-options.ts';
import type { ChatEvents } from '../events.ts';
import type { SafeElement } from '../last-resort.ts';

/** The properties of `<bamba-chat>` that a page sets: its options, and the messages of the open chat. */
export type ChatProperties = Partial<Omit<ChatOptions, keyof SafeElement> & Pick<BambaChat, 'messages'>>;

/** `maxTokens` as HTML writes it, `max-tokens`. */
type Dashed<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `-${Lowercase<First>}`}${Dashed<Rest>}`
  : Name;

/** The properties that have an attribute of another name, by that name. */
type DashedAttributes = {
  [
    Name in keyof ChatProperties as ChatProperties[Name] extends number | undefined
      ? Exclude<Dashed<Name>, Name>
      : never
  ]?: number | string | undefined;
};

/** The names that a template sets: properties, and attributes by their names in HTML. */
export type ChatAttributes = ChatProperties & DashedAttributes;

/** Listeners by the names that a framework has for them: a text before the event's. */
export type ChatListeners<Before extends string> = {
  [Name in keyof ChatEvents as `${Before}${Name}`]?: ((event: ChatEvents[Name]) => void) | undefined;
};

/** A framework's own attributes of an element, with those of the chat in the place of any of the same name. */
export type WithChat<Own, Before extends string> = Omit<Own, keyof ChatAttributes | keyof ChatListeners<Before>> &
  ChatAttributes &
  ChatListeners<Before>;
