import { describe, expect, it } from 'vitest';
import { parseModel, shownName } from './model-choice.ts';
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

  it.each(['', 'granite', 'a/b/c', 'ftp://example.org/', 'a model/of mine', 'device:mine', 'https://'])(
    'refuses %j',
    (text) => {
      expect(parseModel(text)).toMatchObject({ ok: false });
    },
  );

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
