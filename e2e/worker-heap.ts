// The JavaScript heap of a page's worker, by its own debugger, which is reached through the page's.

import type { CDPSession, Page } from '@playwright/test';

/** The parts of a heap that a program's data are in. The rest is V8's: the more often code runs, the more it compiles. */
const DATA = new Set([
  'array',
  'string',
  'concatenated string',
  'sliced string',
  'object',
  'closure',
  'regexp',
  'number',
  'symbol',
  'bigint',
]);
/** The bytes of array buffers, which are no JavaScript to V8. */
const BUFFERS = 'system / JSArrayBufferData';

/** What an answer of the debugger may hold. */
interface Answer {
  usedSize?: number;
}

/** V8's format: the fields of a node one behind the other. */
interface Snapshot {
  snapshot: { meta: { node_fields: string[]; node_types: [string[], ...unknown[]] } };
  nodes: number[];
  strings: string[];
}

/** What a worker holds, once what nobody needs is collected. */
export interface Held {
  /** Bytes of data: neither code nor what V8 knows about it. */
  dataBytes: number;
  /** All strings. */
  strings: ReadonlySet<string>;
}

export class WorkerHeap {
  readonly #session: CDPSession;
  readonly #answers = new Map<number, (result: Answer) => void>();
  #chunks: string[] = [];
  #worker = '';
  #last = 0;

  private constructor(session: CDPSession) {
    this.#session = session;
    session.on('Target.attachedToTarget', ({ sessionId }) => {
      this.#worker = sessionId;
    });
    session.on('Target.receivedMessageFromTarget', ({ message }) => {
      const { id, method, params, result } = JSON.parse(message) as {
        id?: number;
        method?: string;
        params?: { chunk?: string };
        result?: Answer;
      };
      if (method === 'HeapProfiler.addHeapSnapshotChunk') this.#chunks.push(params?.chunk ?? '');
      if (id !== undefined) this.#answers.get(id)?.(result ?? {});
    });
  }

  /** @param page before it starts its worker */
  static async of(page: Page): Promise<WorkerHeap> {
    const session = await page.context().newCDPSession(page);
    const heap = new WorkerHeap(session);
    await session.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
    return heap;
  }

  /** Bytes in use by page and worker, once what nobody needs is collected. */
  async bytes(): Promise<{ page: number; worker: number }> {
    await this.#session.send('HeapProfiler.collectGarbage');
    const { usedSize: page } = await this.#session.send('Runtime.getHeapUsage');
    await this.#ask('HeapProfiler.collectGarbage');
    const { usedSize = 0 } = await this.#ask('Runtime.getHeapUsage');
    return { page, worker: usedSize };
  }

  /** What the worker holds. */
  async held(): Promise<Held> {
    this.#chunks = [];
    await this.#ask('HeapProfiler.takeHeapSnapshot');
    const { snapshot, nodes, strings } = JSON.parse(this.#chunks.join('')) as Snapshot;
    const { node_fields: fields, node_types: types } = snapshot.meta;
    const [type, name, size] = ['type', 'name', 'self_size'].map((field) => fields.indexOf(field)) as [
      number,
      number,
      number,
    ];
    let dataBytes = 0;
    for (let node = 0; node < nodes.length; node += fields.length) {
      const isData = DATA.has(types[0][nodes[node + type]!]!) || strings[nodes[node + name]!] === BUFFERS;
      if (isData) dataBytes += nodes[node + size]!;
    }
    return { dataBytes, strings: new Set(strings) };
  }

  async #ask(method: string): Promise<Answer> {
    const id = ++this.#last;
    const answer = new Promise<Answer>((resolve) => this.#answers.set(id, resolve));
    const message = JSON.stringify({ id, method, params: {} });
    await this.#session.send('Target.sendMessageToTarget', { message, sessionId: this.#worker });
    return answer;
  }
}
