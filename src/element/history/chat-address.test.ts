import fc from 'fast-check';
import type { ReactiveController } from 'lit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BambaError } from '../../errors.ts';
import { ChatAddress, chatOf, hashOf } from './chat-address.ts';
import type { ChatSummary } from '../chats/chat-record.ts';

/** The history of a tab, as far as it matters here. */
class TabHistory {
  readonly state = null;
  entries = ['/'];
  at = 0;
  #heard: () => void = () => undefined;

  get location(): { pathname: string; search: string; hash: string } {
    const { pathname, search, hash } = new URL(this.entries[this.at]!, 'https://example.org');
    return { pathname, search, hash };
  }

  listen(listener: () => void): void {
    this.#heard = listener;
  }

  pushState(_state: unknown, _title: string, address: string): void {
    this.entries = [...this.entries.slice(0, ++this.at), address];
  }

  replaceState(_state: unknown, _title: string, address: string): void {
    this.entries[this.at] = address;
  }

  go(steps: number): void {
    this.at += steps;
    this.#heard();
  }

  /** Somebody types another address. */
  visit(address: string): void {
    this.pushState(null, '', address);
    this.#heard();
  }
}

let tab: TabHistory;

beforeEach(() => {
  tab = new TabHistory();
  vi.stubGlobal('history', tab);
  vi.stubGlobal('location', {
    get pathname() {
      return tab.location.pathname;
    },
    get search() {
      return tab.location.search;
    },
    get hash() {
      return tab.location.hash;
    },
  });
  vi.stubGlobal('addEventListener', (_type: string, listener: () => void) => tab.listen(listener));
  vi.stubGlobal('removeEventListener', () => tab.listen(() => undefined));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A chat element with two chats, `a` and `b`. */
function element(hash = true) {
  const controllers: ReactiveController[] = [];
  const updated = (): void => controllers.forEach((each) => each.hostUpdated?.());
  const host = {
    hash,
    addController: (each: ReactiveController) => void controllers.push(each),
    removeController: () => undefined,
    requestUpdate: () => undefined,
    updateComplete: Promise.resolve(true),
  };
  const archive = {
    chats: ['a', 'b'].map((id) => ({ id }) as ChatSummary),
    current: undefined as string | undefined,
    trouble: undefined as BambaError | undefined,
    missing: 0,
    reportMissing: () => archive.missing++,
  };
  const address = new ChatAddress(host, {
    archive,
    open: async (id) => {
      await Promise.resolve();
      if (archive.trouble) return;
      archive.current = id;
      address.moved();
      updated();
    },
    begin: () => show(undefined),
  });
  /** Something else than the hash has opened a chat. */
  const show = (id: string | undefined): void => {
    archive.current = id;
    address.moved();
    updated();
  };
  /** The new chat has got its name. */
  const name = (id: string): void => {
    archive.chats.push({ id } as ChatSummary);
    archive.current = id;
    updated();
  };
  for (const each of controllers) each.hostConnected?.();
  return { address, archive, show, name, updated };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

describe('the hash of a chat', () => {
  it('names it, whatever it is called', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (id) => {
        expect(chatOf(new URL(hashOf(id), 'https://example.org').hash)).toBe(id);
      }),
    );
    expect([chatOf(''), chatOf('#'), chatOf('#top'), chatOf('#chat='), chatOf('#chat=%')]).toEqual([
      undefined,
      undefined,
      null,
      null,
      null,
    ]);
  });
});

describe('ChatAddress', () => {
  it('follows what is opened, and what back and forward ask for', async () => {
    const { address, archive, show, name } = element();
    address.arrived();
    show('a');
    show(undefined);
    // A new chat gets its name where it is.
    name('c');
    expect(tab.entries).toEqual(['/', '/#chat=a', '/#chat=c']);
    tab.go(-1);
    await settled();
    expect(archive.current).toBe('a');
    tab.go(-1);
    await settled();
    expect(archive.current).toBeUndefined();
    tab.go(2);
    await settled();
    expect(archive.current).toBe('c');
    expect(tab.entries).toEqual(['/', '/#chat=a', '/#chat=c']);
    expect(archive.missing).toBe(0);
  });

  it('begins with the chat that is open, and adds no step back', () => {
    const { address, archive } = element();
    archive.current = 'a';
    address.moved();
    address.arrived();
    expect(tab.entries).toEqual(['/#chat=a']);
  });

  it('says that a chat is unknown, and leaves its address', async () => {
    tab.entries = ['/#chat=gone'];
    const { address, archive, show } = element();
    expect(address.wanted).toBe('gone');
    address.arrived();
    expect(archive.missing).toBe(1);
    expect(tab.entries).toEqual(['/']);
    show('b');
    tab.visit('/#chat=nowhere');
    await settled();
    expect(archive).toMatchObject({ missing: 2, current: 'b' });
    expect(tab.location.hash).toBe('#chat=b');
  });

  it('waits for a list that cannot be read', async () => {
    tab.entries = ['/#chat=a'];
    const { address, archive, updated } = element();
    archive.trouble = new BambaError('storage_unavailable', 'Away.');
    address.arrived();
    updated();
    await settled();
    expect(tab.entries).toEqual(['/#chat=a']);
    archive.trouble = undefined;
    updated();
    await settled();
    expect(archive).toMatchObject({ missing: 0, current: 'a' });
  });

  it('does not go back to a chat that is deleted', () => {
    const { address, archive, show } = element();
    address.arrived();
    show('a');
    archive.chats.shift();
    show(undefined);
    expect(tab.entries).toEqual(['/', '/']);
  });

  it('goes to where many steps in a row end', async () => {
    const { address, archive, show } = element();
    address.arrived();
    for (const id of ['a', 'b', 'a', 'b']) show(id);
    tab.go(-1);
    tab.go(-1);
    tab.go(-1);
    await settled();
    expect([archive.current, tab.location.hash]).toEqual(['a', '#chat=a']);
  });

  it('leaves a hash of the page’s own alone, and every hash where it is not asked to have one', () => {
    tab.entries = ['/#top'];
    element().address.arrived();
    expect(tab.entries).toEqual(['/#top']);
    const { address, show, archive } = element(false);
    tab.entries = ['/#chat=a'];
    expect(address.wanted).toBeUndefined();
    address.arrived();
    show('b');
    tab.visit('/#chat=a');
    expect(tab.entries).toEqual(['/#chat=a', '/#chat=a']);
    expect(archive.current).toBe('b');
  });
});
