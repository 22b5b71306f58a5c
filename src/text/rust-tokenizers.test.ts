import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

import { createDetokenizer } from './detokenize.ts';
import { createTokenizer } from './tokenizer.ts';

// The output of src/tools/models/tokenizer-oracle.py.
interface Values {
  models: { type: string }[];
  cases: ({ model: number; rows: Row[] } & Record<string, unknown>)[];
}

interface Row {
  text: string;
  ids: number[];
  plain: number[];
  /** Ids, often those of the text, and the text that they decode to. */
  decodes: number[];
  decoded: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const committed = JSON.parse(readFileSync(new URL('fixtures/rust-tokenizers.json', import.meta.url), 'utf8')) as Values;

/** Every row in which something differs, as a sentence. */
function differences({ models, cases }: Values): string[] {
  return cases.flatMap(({ model, rows, ...parts }, index) => {
    const tokenizer = createTokenizer({ ...parts, model: models[model] }, {});
    return rows.flatMap(({ text, ids, plain, decodes, decoded }) => {
      const detokenizer = createDetokenizer(tokenizer);
      const seen = {
        ids: tokenizer.encode(text, { addSpecialTokens: true }),
        plain: tokenizer.encode(text, { addSpecialTokens: false }),
        decoded: tokenizer.decode(decodes, { skipSpecialTokens: true }),
        streamed: decodes.map((id) => detokenizer.push([id])).join('') + detokenizer.flush(),
      };
      const right = { ids, plain, decoded, streamed: decoded };
      if (JSON.stringify(seen) === JSON.stringify(right)) return [];
      return `case ${index}, ${JSON.stringify(text)}: ${JSON.stringify(seen)} instead of ${JSON.stringify(right)}`;
    });
  });
}

const python = process.env['BAMBA_PYTHON'] ?? 'python3';
const found = spawnSync(python, ['-c', 'import tokenizers; print(tokenizers.__version__)'], { encoding: 'utf8' });
const hasLibrary = found.status === 0;
if (!hasLibrary) {
  console.warn(
    `SKIPPED: generated tokenizers against the Rust library. ${python} has no "tokenizers"; BAMBA_PYTHON names one that has.`,
  );
}

describe('as the Rust library', () => {
  test('the committed tokenizers give the committed ids and texts', () => {
    expect(committed.cases.length).toBeGreaterThanOrEqual(100);
    expect(new Set(committed.models.map(({ type }) => type))).toEqual(
      new Set(['BPE', 'Unigram', 'WordPiece', 'WordLevel']),
    );
    expect(differences(committed)).toEqual([]);
  });

  test.skipIf(!hasLibrary)('10,000 texts over 400 generated tokenizers', { timeout: 600_000 }, () => {
    const made = spawnSync(python, ['src/tools/models/tokenizer-oracle.py', '20261130', '400', '25'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(made.status).toBe(0);
    const wrong = differences(JSON.parse(made.stdout) as Values);
    expect(wrong.slice(0, 20)).toEqual([]);
  });
});
