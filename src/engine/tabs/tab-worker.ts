import type { Call, Channel, Frame } from './frames.ts';

/** The part of a worker that the page needs. */
export type EngineWorker = Pick<Worker, 'postMessage' | 'terminate' | 'addEventListener' | 'removeEventListener'>;

/**
 * Stands in for a worker that is another tab's: what is posted to it goes there over a channel. When that tab stops
 * serving, it reports an error, as a worker that broke down.
 */
export class TabWorker extends EventTarget implements EngineWorker {
  readonly #channel: Channel;
  readonly #onEnd: () => void;
  /** Ports that were handed over, by their lines. */
  readonly #ports = new Map<number, MessagePort>();
  #lastLine = 0;
  #ended = false;

  /**
   * @param channel to the worker; closed at the end
   * @param onEnd called when it is ended
   */
  constructor(channel: Channel, onEnd: () => void) {
    super();
    this.#channel = channel;
    this.#onEnd = onEnd;
    channel.addEventListener('message', ({ data }) => this.#hear(data as Frame));
    channel.addEventListener('messageerror', () => this.dispatchEvent(new Event('messageerror')));
  }

  /** As a worker's; ports cross as arguments of a call, and all else as a copy. */
  postMessage(message: unknown): void {
    if (this.#ended) return;
    const { argumentList } = message as Call;
    const ports: [place: number, line: number, port: MessagePort][] = [];
    const sent = argumentList?.map((argument, place) => {
      if (!(argument.value instanceof MessagePort)) return argument;
      ports.push([place, ++this.#lastLine, argument.value]);
      return { ...argument, value: null };
    });
    const data = sent ? Object.assign({}, message, { argumentList: sent }) : message;
    this.#send({ line: 0, data, ports: ports.map(([place, line]) => [place, line]) });
    for (const [, line, port] of ports) this.#join(line, port);
  }

  /** Idempotent. */
  terminate(): void {
    if (this.#ended) return;
    this.#send({ gone: true });
    this.#ended = true;
    this.#channel.close();
    for (const line of this.#ports.keys()) this.#leave(line);
    this.#onEnd();
  }

  #join(line: number, port: MessagePort): void {
    this.#ports.set(line, port);
    port.addEventListener('message', ({ data }) => {
      if (this.#ports.has(line)) this.#send({ line, data });
    });
    port.start();
  }

  #leave(line: number): void {
    this.#ports.get(line)?.close();
    this.#ports.delete(line);
  }

  #hear(frame: Frame): void {
    if (this.#ended) return;
    if ('gone' in frame) {
      const message = 'its tab was closed, or needs it no longer';
      this.dispatchEvent(Object.assign(new Event('error'), { message }));
    } else if ('closed' in frame) {
      this.#leave(frame.line);
    } else if (frame.line === 0) {
      this.dispatchEvent(new MessageEvent('message', { data: frame.data }));
    } else {
      const port = this.#ports.get(frame.line);
      port?.postMessage(frame.data);
    }
  }

  #send(frame: Frame): void {
    const port = this.#channel;
    port.postMessage(frame);
  }
}
