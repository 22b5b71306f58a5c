import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LEXICON } from './lexicon.ts';

const file = join(import.meta.dirname, '../../public/models/lexicon/manifest.json');
const manifest = JSON.parse(readFileSync(file, 'utf8')) as { suggestions: unknown; parameters: number };

it('offers the questions of the package before the package is loaded', () => {
  expect(LEXICON.suggestions).toEqual(manifest.suggestions);
  expect(LEXICON.parameters).toBeCloseTo(manifest.parameters, -5);
});
