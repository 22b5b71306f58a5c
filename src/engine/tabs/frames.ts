// The messages between a tab and the worker of another one. Such a channel takes no ports along: each port that is
// handed over becomes a numbered line on the same channel.

/** One message on the channel. */
export type Frame =
  /**
   * A message to the line's end, or from it. Line 0 is the worker itself, others are ports that were handed over.
   * `ports` says which arguments of a call to the worker are lines, and which ones.
   */
  | { line: number; data: unknown; ports?: readonly (readonly [place: number, line: number])[] }
  /** The line ends: no further message comes on it. */
  | { line: number; closed: true }
  /** The sender is no longer there for the other side. */
  | { gone: true };

/** A call as comlink sends it, as far as ports are concerned. */
export interface Call {
  argumentList?: { value?: unknown }[];
}

/** The part of BroadcastChannel that is needed. It gives what is said to all that were opened by its name, but for itself. */
export interface Channel {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
  addEventListener(type: 'messageerror', listener: () => void): void;
  close(): void;
}

/** Opens a channel by its name. */
export type OpenChannel = (name: string) => Channel;

/** Whether it is the last message of a comlink proxy, which nobody has any more. */
export function isRelease(data: unknown): boolean {
  return (data as { type?: unknown } | null)?.type === 'RELEASE';
}
