import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BambaError } from '../../errors.ts';
import { mutate, mutations } from '../../testing/test-mutations.ts';
import { endpointUrl, HubFiles, repoFolder } from './hub.ts';
import { HUB, isRepoName } from './repo-name.ts';
import { testClock } from '../../testing/servers/test-hub.ts';

const listing = {
  id: 'org/name',
  sha: '0123456789abcdef0123456789abcdef01234567',
  siblings: [
    { rfilename: 'config.json', size: 700, blobId: 'aa' },
    { rfilename: 'model.safetensors', size: 135, lfs: { sha256: 'bb', size: 5_000_000_000, pointerSize: 135 } },
    { rfilename: '../../secret', size: 3, blobId: 'cc' },
    { rfilename: 'unknown.bin' },
  ],
};

const filesOf = (answer: () => Response) =>
  new HubFiles(
    { repo: 'org/name', revision: 'main', endpoint: HUB },
    { clock: testClock(), fetch: async () => answer() },
  );

describe('HubFiles', () => {
  it('knows sizes and hashes from the list of files, and passes over names that are none', async () => {
    const files = filesOf(() => Response.json(listing));
    expect(await files.version()).toBe(listing.sha);
    expect(files.commit).toBe(listing.sha);
    expect(await files.size('config.json')).toBe(700);
    expect(await files.size('model.safetensors')).toBe(5_000_000_000);
    expect(await files.identity('model.safetensors')).toBe('bb 5000000000');
    for (const name of ['../../secret', 'unknown.bin', 'missing', '__proto__'])
      expect(await files.size(name)).toBeNull();
  });

  it('takes any mutated list of files as one or with a typed error', { timeout: 60_000 }, async () => {
    const text = new TextEncoder().encode(JSON.stringify(listing));
    let accepted = 0;
    const trial = fc.asyncProperty(mutations, async (changes) => {
      const files = filesOf(() => new Response(new Uint8Array(mutate(text, changes))));
      try {
        expect(await files.version()).toMatch(/^[0-9a-f]{40,64}$/);
        const size = await files.size('model.safetensors');
        expect(size === null || (Number.isSafeInteger(size) && size >= 0)).toBe(true);
        accepted++;
      } catch (error) {
        expect(error).toBeInstanceOf(BambaError);
        expect((error as BambaError).code).toBe('network');
      }
    });
    await fc.assert(trial, { numRuns: 1000 });
    expect(accepted).toBeGreaterThan(20);
    expect(accepted).toBeLessThan(980);
  });

  it('does not take an endless list', async () => {
    const endless = () =>
      new Response(new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(2 ** 20)) }));
    await expect(filesOf(endless).version()).rejects.toMatchObject({ code: 'network' });
  });
});

describe('names', () => {
  it.each(['org/name', 'ibm-ai-platform/Bamba-9B-v2', 'a/b.c_d-1'])('takes %s for a repository', (name) => {
    expect(isRepoName(name)).toBe(true);
  });

  it.each([
    'name',
    '/org/name',
    'org/name/',
    './name',
    '../name',
    'org/../name',
    'https://a/b',
    'a b/c',
    'org/na..me',
    '',
  ])('takes %j for none', (name) => {
    expect(isRepoName(name)).toBe(false);
  });

  it('knows a stored model by where it is from', () => {
    const repo = { repo: 'org/name', revision: 'refs/pr/1', endpoint: 'https://hub.example/mirror' };
    expect(repoFolder(repo)).toBe('https://hub.example/mirror/org/name/resolve/refs%2Fpr%2F1/');
    for (const bad of ['', 'hub', 'ftp://hub.example', 'javascript:alert(1)']) {
      expect(() => endpointUrl(bad)).toThrow(/endpoint is/);
    }
  });
});
