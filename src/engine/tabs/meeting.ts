import type { WorkerLink } from '../worker/worker-link.ts';
import type { Channel } from './frames.ts';

// The channel where tabs ask for an engine, and where the tab that has it answers.

interface Greeting {
  /** A tab that wants to be served. */
  hello?: unknown;
  /** A tab that is served from now on. */
  welcome?: unknown;
}

/** How a tab asks to be served. */
export interface Greetings {
  /** Resolves once it is. */
  welcome: Promise<void>;
  /** Asks; again where whoever has the engine did not listen yet. */
  hello: () => void;
  leave: () => void;
}

/** @param id of the tab that asks; `leave` closes the channel */
export function greet(meeting: Channel, id: string): Greetings {
  let left = false;
  const welcome = new Promise<void>((resolve) => {
    meeting.addEventListener('message', ({ data }) => {
      if ((data as Greeting | null)?.welcome === id) resolve();
    });
  });
  return {
    welcome,
    hello() {
      if (!left) say(meeting, { hello: id });
    },
    leave() {
      left = true;
      meeting.close();
    },
  };
}

/**
 * Has a worker of this tab serve all who ask.
 * @returns ends that, and closes the channel
 */
export function serveTabs(meeting: Channel, link: WorkerLink): () => void {
  /** Whether each is served, by its id: one that asks twice was not patient. */
  const served = new Map<string, Promise<boolean>>();
  const serve = (id: string): Promise<boolean> => {
    // The worker may have been idle for long. If it is stuck, this shows it now, and the tab goes on elsewhere.
    if (link.started) link.expectNotice();
    return link.ask((worker) => worker.serve(id)).catch(() => false);
  };
  const answer = async (id: string): Promise<void> => {
    const serving = served.get(id) ?? serve(id);
    served.set(id, serving);
    if ((await serving) && !link.fault) say(meeting, { welcome: id });
  };
  meeting.addEventListener('message', ({ data }) => {
    const { hello } = (data ?? {}) as Greeting;
    if (typeof hello === 'string' && !link.fault) void answer(hello);
  });
  return () => meeting.close();
}

function say(port: Channel, greeting: Greeting): void {
  port.postMessage(greeting);
}
