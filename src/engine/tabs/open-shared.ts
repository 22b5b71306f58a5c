import type { Locks } from '../../storage/store/locks.ts';
import { throwIfAborted } from '../../weights/abort.ts';
import type { Deadlines } from '../worker/deadlines.ts';
import type { LoadOptions } from '../worker/wire.ts';
import { Watch, WorkerLink } from '../worker/worker-link.ts';
import type { OpenChannel } from './frames.ts';
import { holdLock, type LetGo } from './hold-lock.ts';
import { greet, serveTabs } from './meeting.ts';
import { type SharedNames, sharedNames, tabChannel, tabLife } from './names.ts';
import { TabWorker } from './tab-worker.ts';

/** The parts of the browser by which tabs find each other. */
export interface Places {
  locks: Locks & Partial<Pick<LockManager, 'query'>>;
  openChannel: OpenChannel;
}

/** The same, null where a browser has none of it. */
export type SharedPlaces = { [Name in keyof Places]: Places[Name] | null };

/** Those of this browser, as it is asked for them. */
export function browserPlaces(): SharedPlaces {
  const has = typeof BroadcastChannel !== 'undefined';
  return {
    locks: globalThis.navigator?.locks ?? null,
    openChannel: has ? (name) => new BroadcastChannel(name) : null,
  };
}

/** An engine that tabs use together. */
export interface Sharing {
  source: LoadOptions;
  /** Starts a worker in this tab. */
  start: () => Promise<Worker>;
  places: SharedPlaces;
  deadlines: Readonly<Deadlines>;
  /** Hears in a sentence why this tab has an engine for itself. */
  onMessage: (message: string) => void;
  signal: AbortSignal;
}

/**
 * The worker that has the engine, or is about to. It is another tab's, where one holds the engine's lock. Else it is
 * one of this tab, which serves the others from then on. The lock is this tab's for as long as its worker lives, so
 * that there are never two.
 * @throws BambaError `aborted`; as `start`.
 */
export async function openShared(sharing: Sharing): Promise<WorkerLink> {
  const { source, start, places, deadlines, onMessage, signal } = sharing;
  const alone = async (why: string): Promise<WorkerLink> => {
    onMessage(`${why} This tab loads the model for itself.`);
    return new WorkerLink(await start(), deadlines);
  };
  const { locks, openChannel } = places;
  if (source.files) return alone('Files that were chosen in one tab are not there in others.');
  if (!locks || !openChannel) return alone('This browser does not let tabs share a model.');
  const names = await sharedNames(source);
  const found = await find(names, { ...sharing, places: { locks, openChannel } });
  if (found === 'denied') return alone('This browser does not let tabs of this page share a model.');
  if (found === 'silent') return alone('Another tab has the model, and does not answer.');
  if (found instanceof WorkerLink) return found;
  try {
    if (await hasOtherVersion(locks, names, deadlines.tick)) {
      onMessage('Another tab has the model in another version of this page. This tab loads it for itself.');
    }
    throwIfAborted(signal);
    const link = new WorkerLink(await start(), deadlines);
    const stop = serveTabs(openChannel(names.engine), link);
    void link.gone.then(stop).then(found);
    return link;
  } catch (error) {
    found();
    throw error;
  }
}

/** Whether a tab has the same model with another version of this library; within `ms`, or not. */
async function hasOtherVersion(locks: Places['locks'], names: SharedNames, ms: number): Promise<boolean> {
  let found = false;
  const asking = (async () => {
    const { held = [] } = (await locks.query?.()) ?? {};
    found = held.some(({ name = '' }) => name.startsWith(names.anyVersion) && name !== names.engine);
  })();
  await new Watch(asking).overWithin(ms);
  return found;
}

type Found = LetGo | 'welcome' | 'denied' | 'silent';

/**
 * Waits for the lock of the engine, and for the tab that holds it to serve this one, whichever comes first.
 * @returns what gives the lock back; or the worker of the other tab; or why there is neither
 * @throws BambaError `aborted`.
 */
async function find(
  names: SharedNames,
  { places, deadlines, onMessage, signal }: Sharing & { places: Places },
): Promise<LetGo | WorkerLink | 'denied' | 'silent'> {
  const { locks, openChannel } = places;
  const id = crypto.randomUUID();
  const over = new AbortController();
  const life = holdLock(locks, tabLife(id), signal);
  const tab = new TabWorker(openChannel(tabChannel(id)), () => void life.then((letGo) => letGo(), nothing));
  const { welcome, hello, leave } = greet(openChannel(names.engine), id);
  const lock = holdLock(locks, names.engine, AbortSignal.any([over.signal, signal]));
  const served = Promise.all([life, welcome]).then(() => 'welcome' as const);
  let outcome: Found = 'silent';
  const decide = async (): Promise<void> => {
    outcome = await Promise.race<Found>([lock, served]).catch(() => 'denied');
  };
  const watch = new Watch(decide());
  const { start, silence, tick } = deadlines;
  for (let waited = 0; waited < start && !watch.over; waited += tick) {
    if (waited >= silence && waited < silence + tick) onMessage('Another tab has the model. Waiting for its answer.');
    // It may not have listened yet.
    void life.then(hello, nothing);
    await watch.overWithin(tick);
  }
  const found = outcome as Found;
  over.abort();
  leave();
  // Granted in the last moment, it is given back.
  lock.then((letGo) => (letGo === found && !signal.aborted ? undefined : letGo()), nothing);
  if (found === 'welcome' && !signal.aborted) return new WorkerLink(tab, deadlines, { elsewhere: true });
  tab.terminate();
  throwIfAborted(signal);
  return found as Exclude<Found, 'welcome'>;
}

function nothing(): void {}
