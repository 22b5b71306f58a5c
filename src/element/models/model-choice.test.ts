import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fullName, isSameChoice, parseModel, readChoice, shownName, writeChoice } from './model-choice.ts';
import { firstType, fitOf } from './gpu-fit.ts';
import { PRESETS } from './presets.ts';

describe('parseModel', () => {
  it.each([
    [' ibm-granite/granite-4.0-h-1b ', { model: 'ibm-granite/granite-4.0-h-1b' }],
    ['https://huggingface.co/ibm-granite/granite-4.0-h-1b', { model: 'ibm-granite/granite-4.0-h-1b' }],
    ['https://hf.co/a/b?library=x', { model: 'a/b' }],
    ['https://huggingface.co/a/b/tree/v1.0', { model: 'a/b', revision: 'v1.0' }],
    ['https://example.org/models/lexicon/', { model: 'https://example.org/models/lexicon/' }],
    ['/models/lexicon/', { model: '/models/lexicon/' }],
    ['./lexicon', { model: './lexicon' }],
  ])('reads %s', (text, choice) => {
    expect(parseModel(text)).toEqual({ ok: true, choice });
  });

  it.each([
    '',
    'granite',
    'a/b/c',
    'ftp://example.org/',
    'a model/of mine',
    'device:mine',
    'https://',
    // Addresses that look like some, and that no request can be sent to.
    'https://example.com:99999/m/',
    'https://[',
    'https://[::1/m/',
    '//[/',
    'https://a b/',
    'https://%/',
    'https://name:word@example.org/m/',
    'https://huggingface.co/a b/c',
  ])('refuses %j', (text) => {
    expect(parseModel(text)).toMatchObject({ ok: false });
  });

  it('reads the page of a GGUF file on the Hub as the file', () => {
    const file = 'https://huggingface.co/a/b-GGUF/resolve/main/b.Q4_K_M.gguf';
    expect(parseModel(file)).toEqual({ ok: true, choice: { model: file } });
    expect(parseModel(file.replace('resolve', 'blob'))).toEqual({ ok: true, choice: { model: file } });
  });

  it('gives every name in full, and one that is no address as it is', () => {
    expect(fullName('/m/')).toBe('http://localhost/m/');
    expect(fullName('https://example.org')).toBe('https://example.org/');
    for (const name of ['a/b', 'device:x', '', 'https://[', 'https://example.com:99999/m/']) {
      expect(fullName(name)).toBe(name);
    }
  });

  it('says of an address what is wrong with it', () => {
    expect(parseModel('https://example.com:99999/m/')).toMatchObject({ sentence: expect.stringContaining('port') });
    expect(parseModel('https://me@example.org/')).toMatchObject({ sentence: expect.stringContaining('password') });
  });

  it('reads every preset as the repository that it is', () => {
    for (const { model } of PRESETS) expect(parseModel(model)).toEqual({ ok: true, choice: { model } });
  });
});

describe('PRESETS', () => {
  it('come smallest first, and say what fits: less is kept than is downloaded, and int4 is the smallest', () => {
    const parameters = PRESETS.map((preset) => preset.parameters);
    expect(parameters).toEqual(parameters.toSorted((one, other) => one - other));
    for (const { downloadBytes, sizes } of PRESETS) {
      expect(sizes.int4).toBeLessThan(sizes.int8 ?? 0);
      expect(sizes.int8).toBeLessThan(downloadBytes);
    }
  });
});

it.each([
  ['ibm-granite/granite-4.0-h-350m', 'Granite 4.0-H 350M'],
  ['someone/their-model', 'their-model'],
  ['https://example.org/models/lexicon/', 'lexicon'],
  ['device:Mine', 'Mine'],
  ['', 'bamba-web'],
])('a model named %j is shown as %j before it has said its own name', (model, name) => {
  expect(shownName({ model }, PRESETS)).toBe(name);
});

/** Storage that has one record, whatever is asked for. */
function storeOnly(text: string | null): void {
  vi.stubGlobal('localStorage', { getItem: () => text, setItem: () => undefined, removeItem: () => undefined });
}

describe('what was chosen on an earlier visit', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is read back as it was written; a folder of this device by the name that it is kept under', () => {
    const kept = new Map<string, string>();
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
      removeItem: (key: string) => kept.delete(key),
    });
    for (const choice of [
      { model: 'org/name', dtype: 'int4', revision: 'v2' },
      { model: 'https://example.org/lexicon/' },
      { model: 'device:Mine', dtype: 'f16' },
    ] as const) {
      writeChoice('', choice);
      expect(readChoice('')).toEqual(choice);
    }
    writeChoice('other', { model: 'Mine', files: [] });
    expect(readChoice('other')).toEqual({ model: 'device:Mine' });
    writeChoice('other', undefined);
    expect(readChoice('other')).toBeUndefined();
  });

  it.each([
    ['{', undefined],
    ['null', undefined],
    ['[]', undefined],
    ['{"model":7}', undefined],
    ['{"model":""}', undefined],
    ['{"model":"https://example.com:99999/m/"}', undefined],
    ['{"model":"https://["}', undefined],
    ['{"model":"javascript:alert(1)"}', undefined],
    ['{"model":"a/b","dtype":"int3","revision":4}', { model: 'a/b' }],
  ])('takes of %s what makes sense', (text, choice) => {
    storeOnly(text);
    expect(readChoice('')).toEqual(choice);
  });

  it('is nothing, or something that can be shown and asked for, whatever is stored', () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ model: fc.oneof(fc.webUrl(), fc.string(), fc.anything()), dtype: fc.anything() }).map((value) => {
        try {
          return JSON.stringify(value) ?? null;
        } catch {
          return null;
        }
      }),
    );
    fc.assert(
      fc.property(text, (stored) => {
        storeOnly(stored);
        const choice = readChoice('');
        if (!choice) return;
        expect(parseModel(choice.model).ok || choice.model.startsWith('device:')).toBe(true);
        expect(typeof shownName(choice, PRESETS)).toBe('string');
        expect(isSameChoice(choice, { ...choice, model: fullName(choice.model) })).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

describe('whether a preset fits', () => {
  const micro = PRESETS.find(({ name }) => name === 'Granite 4.0-H Micro')!;
  const oneB = PRESETS.find(({ name }) => name === 'Granite 4.0-H 1B')!;

  it('is judged by the largest buffer of the GPU, and not at all without one', () => {
    expect(fitOf(1e9, { maxBufferBytes: 2 ** 30 })).toBe('fits');
    expect(fitOf(2e9, { maxBufferBytes: 2 ** 30 })).toBe('unsure');
    expect(fitOf(1, undefined)).toBe('unknown');
  });

  it('decides which type is offered first', () => {
    expect(firstType(oneB, undefined)).toBe('int8');
    expect(firstType(oneB, { maxBufferBytes: 2 ** 32 })).toBe('int8');
    expect(firstType(oneB, { maxBufferBytes: 2 ** 30 })).toBe('int4');
    expect(firstType(micro, { maxBufferBytes: 2 ** 28 })).toBe('int4');
    expect(firstType({ ...micro, sizes: {} }, undefined)).toBeUndefined();
  });
});
