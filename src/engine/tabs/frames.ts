// What crosses between a tab and the worker of another one. Such a channel takes no ports along: each port that is handed
// over becomes a numbered line on the same channel.

/** One message on the channel. */
export type Frame =
  /**
   * To what the line stands for, or from it: 0 is the worker itself, others are ports that were handed over. `ports` says
   * which arguments of a call to the worker are lines, and which ones.
   */
  | { line: number; data: unknown; ports?: readonly (readonly [place: number, line: number])[] }
  /** Nothing more comes on this line. */
  | { line: number; closed: true }
  /** Whoever says so is not there any more for the other. */
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

/** What a proxy of comlink says last on its port, once nobody has it any more. */
export function isRelease(data: unknown): boolean {
  return (data as { type?: unknown } | null)?.type === 'RELEASE';
}
