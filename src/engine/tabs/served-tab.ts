import { type Call, type Channel, type Frame, isRelease } from './frames.ts';

/**
 * In the worker: another tab that uses its engine, as an endpoint to expose the engine to. Ports that the tab hands over
 * arrive as lines, which are used like ports.
 */
export class ServedTab extends EventTarget {
  readonly #channel: Channel;
  readonly #lines = new Map<number, Line>();
  readonly #ending = new AbortController();

  /** @param channel to the tab; closed at the end */
  constructor(channel: Channel) {
    super();
    this.#channel = channel;
    channel.addEventListener('message', ({ data }) => this.#hear(data as Frame));
    // Its message is lost, and it would wait for an answer.
    channel.addEventListener('messageerror', () => this.end());
  }

  /** Aborted once the tab is not served any more. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  postMessage(data: unknown): void {
    this.#send({ line: 0, data });
  }

  /** Serves the tab no longer, and tells it so: it is to hear nothing else of what ends here. Idempotent. */
  end(): void {
    if (this.signal.aborted) return;
    this.#send({ gone: true });
    this.#channel.close();
    this.#ending.abort();
  }

  #hear(frame: Frame): void {
    if (this.signal.aborted) return;
    if ('gone' in frame) {
      this.end();
      return;
    }
    if ('closed' in frame) return;
    const { line, data, ports = [] } = frame;
    if (line > 0) {
      this.#lines.get(line)?.dispatchEvent(new MessageEvent('message', { data }));
      return;
    }
    for (const [place, id] of ports) (data as Required<Call>).argumentList[place]!.value = this.#open(id);
    this.dispatchEvent(new MessageEvent('message', { data }));
  }

  #open(id: number): Line {
    const line = new Line(
      (data) => {
        this.#send({ line: id, data });
        if (isRelease(data)) close();
      },
      () => close(),
    );
    const close = (): void => {
      if (this.#lines.delete(id)) this.#send({ line: id, closed: true });
    };
    this.#lines.set(id, line);
    return line;
  }

  #send(frame: Frame): void {
    if (this.signal.aborted) return;
    const port = this.#channel;
    port.postMessage(frame);
  }
}

/**
 * The end of a line, which stands for a port that was handed over. No message comes before somebody listens: both
 * happen in one task.
 */
class Line extends EventTarget {
  readonly postMessage: (data: unknown) => void;
  readonly close: () => void;

  constructor(send: (data: unknown) => void, close: () => void) {
    super();
    this.postMessage = send;
    this.close = close;
  }

  start(): void {}
}
