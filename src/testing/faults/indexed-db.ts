// Faults of IndexedDB: the n-th call of a scenario fails, is late or never ends, for every n that the scenario makes.
//
// What is counted is every call that a browser can refuse: opening, beginning a transaction, its end, each request, each
// step of a cursor. The prototypes of the interfaces are wrapped, so that it works for any code, with the browser's own
// database as well as with fake-indexeddb.

import { HeldEvents } from './held-events.ts';

/** Kinds of errors that browsers report. */
export const DATABASE_ERRORS = ['QuotaExceededError', 'UnknownError', 'AbortError', 'InvalidStateError'] as const;

/** What happens to one call. */
export type DatabaseFault =
  | { readonly kind: 'fail'; readonly error: (typeof DATABASE_ERRORS)[number] }
  /** The call succeeds, so much later; a transaction stays open meanwhile, and others wait for it. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Nobody hears of the call again; a transaction stays open until it is aborted. */
  | { readonly kind: 'never' };

/** Injects faults into every use of IndexedDB. */
export interface DatabaseFaults {
  /** How many calls a scenario makes. */
  countCalls(scenario: () => Promise<unknown>): Promise<number>;
  /** Has the `n`-th call from now on meet with a fault, once; the first is 1. */
  injectAt(n: number, fault: DatabaseFault): void;
  /** Faults that were met with so far. */
  readonly injected: number;
  /** Has the end of every transaction told only when the promise resolves that this returns; undefined ends that. */
  holdEnds(hold: (() => Promise<unknown>) | undefined): void;
  /** No fault from now on. */
  clear(): void;
}

/** The methods that make a request, by interface. */
const REQUESTS = {
  IDBObjectStore: ['get', 'getKey', 'getAll', 'getAllKeys', 'count', 'put', 'add', 'delete', 'clear', 'openCursor'],
  IDBIndex: ['get', 'getKey', 'getAll', 'getAllKeys', 'count', 'openCursor', 'openKeyCursor'],
  IDBCursor: ['continue', 'advance', 'update', 'delete'],
} as const;

type Method = (this: unknown, ...args: unknown[]) => unknown;

let installed: Injector | undefined;

/** Wraps the interfaces of this realm, once. To be called before any other code has used a database. */
export function databaseFaults(): DatabaseFaults {
  installed ??= new Injector();
  return installed;
}

class Injector implements DatabaseFaults {
  injected = 0;
  #calls = 0;
  #at = 0;
  #fault: DatabaseFault | undefined;
  #hold: (() => Promise<unknown>) | undefined;
  /** The unwrapped method, for what the injector does itself. */
  readonly #get = prototypeOf('IDBObjectStore')['get'] as Method;

  constructor() {
    for (const [name, methods] of Object.entries(REQUESTS)) {
      for (const method of methods) this.#wrap(name, method, (call, self) => this.#request(call, self));
    }
    this.#wrap('IDBFactory', 'open', (call) => this.#open(call));
    this.#wrap('IDBDatabase', 'transaction', (call) => this.#transaction(call));
  }

  async countCalls(scenario: () => Promise<unknown>): Promise<number> {
    this.clear();
    await scenario();
    return this.#calls;
  }

  injectAt(n: number, fault: DatabaseFault): void {
    this.#calls = 0;
    this.#at = n;
    this.#fault = fault;
  }

  holdEnds(hold: (() => Promise<unknown>) | undefined): void {
    this.#hold = hold;
  }

  clear(): void {
    this.#calls = 0;
    this.#fault = undefined;
  }

  #wrap(name: string, method: string, wrapper: (call: () => unknown, self: unknown) => unknown): void {
    const prototype = prototypeOf(name);
    const original = prototype[method] as Method;
    prototype[method] = function wrapped(this: unknown, ...args: unknown[]): unknown {
      return wrapper(() => original.apply(this, args), this);
    };
  }

  /** Counts a call, and gives the fault that it meets with. */
  #next(): DatabaseFault | undefined {
    this.#calls++;
    const fault = this.#calls === this.#at ? this.#fault : undefined;
    if (!fault) return undefined;
    this.#fault = undefined;
    this.injected++;
    return fault;
  }

  #open(call: () => unknown): unknown {
    const fault = this.#next();
    const request = call() as IDBOpenDBRequest;
    if (!fault) return request;
    const held = new HeldEvents(request, ['success', 'error']);
    held.hear('success', (event) => {
      if (fault.kind === 'delay') {
        setTimeout(() => held.deliver(event), fault.ms);
        return;
      }
      request.result.close();
      if (fault.kind === 'fail') held.deliver(failureOf(request, fault.error));
    });
    held.hear('error', (event) => held.deliver(event));
    return request;
  }

  /** Two calls: the beginning of a transaction, which can only fail, and its end. */
  #transaction(call: () => unknown): unknown {
    const begin = this.#next();
    if (begin?.kind === 'fail') throw new DOMException('Injected.', begin.error);
    const end = begin ?? this.#next();
    const hold = this.#hold;
    const transaction = call() as IDBTransaction;
    if (end?.kind === 'fail') this.#failAtEnd(transaction, end.error);
    else if (end ?? hold) holdEnd(transaction, end, hold);
    return transaction;
  }

  /** All requests succeed, and then nothing of it is kept. */
  #failAtEnd(transaction: IDBTransaction, error: string): void {
    Object.assign(transaction, { commit: () => undefined });
    // Requests end in their order: when as many of ours have ended with nothing between, nobody asks for more.
    let quiet = 0;
    const store = transaction.objectStore(transaction.objectStoreNames[0] as string);
    const requests = new Set<IDBRequest>();
    watched.set(transaction, requests);
    this.#spin(store, () => {
      quiet = requests.size > 0 ? 0 : quiet + 1;
      if (quiet < 4) return true;
      abortWith(transaction, error);
      return false;
    });
  }

  #request(call: () => unknown, self: unknown): unknown {
    const transaction = transactionOf(self);
    const fault = this.#next();
    if (fault?.kind === 'fail' && fault.error === 'InvalidStateError') throw new DOMException('Injected.', fault.error);
    const returned = call();
    const request = (returned ?? (self as IDBCursor).request) as IDBRequest;
    watch(transaction, request);
    if (!fault) return returned;
    const held = new HeldEvents(request, ['success', 'error']);
    // It would end before the fault has.
    Object.assign(transaction, { commit: () => undefined });
    held.hear('error', (event) => held.deliver(event));
    held.hear('success', (event) => {
      if (fault.kind === 'fail') {
        const failure = failureOf(request, fault.error);
        held.deliver(failure);
        if (!failure.defaultPrevented) abortWith(transaction, fault.error);
        return;
      }
      const end = fault.kind === 'delay' ? Date.now() + fault.ms : Infinity;
      const store = transaction.objectStore(transaction.objectStoreNames[0] as string);
      this.#spin(store, () => {
        if (Date.now() < end) return true;
        held.deliver(event);
        return false;
      });
    });
    return returned;
  }

  /** Keeps a transaction open by asking it for something, again and again, while `step` says so. */
  #spin(store: IDBObjectStore, step: () => boolean): void {
    const next = (): void => {
      let request: IDBRequest;
      try {
        request = this.#get.call(store, 0) as IDBRequest;
      } catch {
        return; // Aborted meanwhile.
      }
      request.addEventListener('success', () => {
        if (step()) next();
      });
    };
    next();
  }
}

/** Requests under way of the transactions that are to fail in the end. */
const watched = new WeakMap<IDBTransaction, Set<IDBRequest>>();

function watch(transaction: IDBTransaction, request: IDBRequest): void {
  const requests = watched.get(transaction);
  if (!requests) return;
  requests.add(request);
  for (const type of ['success', 'error']) request.addEventListener(type, () => requests.delete(request));
}

/** The end of a transaction is told later, or never. */
function holdEnd(
  transaction: IDBTransaction,
  fault: DatabaseFault | undefined,
  hold: (() => Promise<unknown>) | undefined,
): void {
  const types = ['complete', 'abort', 'error'];
  const held = new HeldEvents(transaction, types);
  for (const type of types) {
    held.hear(type, (event) => {
      if (fault?.kind === 'delay') setTimeout(() => held.deliver(event), fault.ms);
      else if (!fault) void hold?.().then(() => held.deliver(event));
    });
  }
}

/** The event of a failed request, which from now on has this error. */
function failureOf(request: IDBRequest, error: string): Event {
  const value = new DOMException('Injected.', error);
  Object.defineProperty(request, 'error', { configurable: true, get: () => value });
  return new Event('error', { bubbles: true, cancelable: true });
}

function abortWith(transaction: IDBTransaction, error: string): void {
  const value = new DOMException('Injected.', error);
  Object.defineProperty(transaction, 'error', { configurable: true, writable: true, value });
  try {
    transaction.abort();
  } catch {
    // It was aborted by whoever heard of the error.
  }
}

function transactionOf(self: unknown): IDBTransaction {
  let owner = self as { source?: unknown; objectStore?: unknown; transaction?: IDBTransaction };
  while (!owner.transaction) owner = (owner.source ?? owner.objectStore) as typeof owner;
  return owner.transaction;
}

function prototypeOf(name: string): Record<string, unknown> {
  const constructor = (globalThis as unknown as Record<string, { prototype: Record<string, unknown> }>)[name];
  if (!constructor) throw new TypeError(`There is no ${name} here: import fake-indexeddb/auto first.`);
  return constructor.prototype;
}
