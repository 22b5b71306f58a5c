import type { ChatMessage } from '../protocol.ts';

/**
 * A number for each beginning of a chat, the last for all of it: two chats that begin alike have the same ones so far.
 * Others have the same number by chance alone, once in 2^52.
 */
export function turnDigests(messages: readonly ChatMessage[]): number[] {
  const digest = { high: 0x811c9dc5, low: 0xcbf29ce4 };
  return messages.map(({ role, content, name, toolCallId, toolCalls }) => {
    const calls = toolCalls?.map((call) => [call.name, call.arguments]);
    add(digest, JSON.stringify([role, name, toolCallId, calls]) + content);
    return (digest.high & 0xfffff) * 2 ** 32 + (digest.low >>> 0);
  });
}

/** FNV-1a over UTF-16 units, twice with different primes: the end of a text counts as well. */
function add(digest: { high: number; low: number }, text: string): void {
  for (let index = 0; index <= text.length; index++) {
    const unit = index < text.length ? text.charCodeAt(index) : 0x1ffff;
    digest.high = Math.imul(digest.high ^ unit, 0x01000193);
    digest.low = Math.imul(digest.low ^ unit, 0x85ebca6b);
  }
}
