import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fingerprint, isFresh } from './fingerprint.ts';
import { declaringFiles, referenceOf } from './reference.ts';
import { Kind, type Reflection, type Type } from './reflection.ts';

const said = (text: string) => ({ summary: [{ kind: 'text', text }] });
const STRING: Type = { type: 'intrinsic', name: 'string' };

let ids = 0;
const declared = (name: string, kind: number, more: Partial<Reflection> = {}): Reflection => ({
  id: ids++,
  name,
  kind,
  flags: {},
  sources: [{ fileName: 'index.d.ts' }],
  ...more,
});

/** Two entries that both have an `Options`, and a function that takes the first. */
function project(optionComment?: string): Reflection {
  const options = declared('Options', Kind.Interface, {
    comment: said('What is opened.'),
    children: [
      declared('path', Kind.Property, {
        flags: { isOptional: true },
        type: STRING,
        ...(optionComment !== undefined && { comment: said(optionComment) }),
      }),
    ],
  });
  const open = declared('open', Kind.Function, {
    signatures: [
      {
        name: 'open',
        comment: {
          ...said('Opens it.'),
          blockTags: [{ tag: '@throws', content: [{ kind: 'text', text: 'Error where it is locked' }] }],
        },
        parameters: [
          { name: 'options', flags: {}, type: { type: 'reference', name: 'Options', target: options.id } },
          { name: 'times', flags: {}, comment: said('how often'), type: STRING, defaultValue: '1' },
        ],
        type: { type: 'array', elementType: { type: 'union', types: [STRING, { type: 'literal', value: 'no' }] } },
      },
    ],
  });
  const other = declared('Options', Kind.TypeAlias, {
    comment: said('Others.'),
    sources: [{ fileName: 'other.d.ts' }],
    type: {
      type: 'union',
      types: [
        { type: 'literal', value: 'a' },
        { type: 'literal', value: 'b' },
      ],
      elementSummaries: [said('The first.').summary, said('The second.').summary],
    },
  });
  return declared('package', Kind.Project, {
    sources: [],
    children: [
      declared('index', Kind.Module, { comment: said('The root.'), children: [options, open] }),
      declared('other', Kind.Module, {
        comment: said('Another.'),
        sources: [{ fileName: 'other.d.ts' }],
        children: [other, declared('open', Kind.Reference, { target: open.id })],
      }),
    ],
  });
}

const ENTRIES = [
  { specifier: 'package', module: 'index' },
  { specifier: 'package/other', module: 'other' },
];

it('shows functions before types, with links to the right one of two names', () => {
  const text = referenceOf(project('Where.'), ENTRIES);
  expect(text).toContain('[**package/other**](#packageother): [`Options`](#options-1), [`open`](#open)');
  expect(text.indexOf('### open')).toBeLessThan(text.indexOf('### Options'));
  expect(text).toContain("```ts\nopen(options: Options, times?: string): (string | 'no')[]\n```");
  expect(text).toContain('- **`options`** ([`Options`](#options))');
  expect(text).toContain('- **`times`** (`string`, optional): how often');
  expect(text).toContain('Throws Error where it is locked.');
  expect(text).toContain('- **`path`** (`string`, optional): Where.');
  expect(text).toContain("- `'a'`: The first.\n- `'b'`: The second.");
  expect(text).toContain('`open` is [that of `package`](#open).');
});

it('refuses what has no sentence', () => {
  expect(() => referenceOf(project(), ENTRIES)).toThrow('no sentence for:\n  Options.path');
});

it('is fresh until a declaration that it shows changes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bamba-web-types-'));
  try {
    writeFileSync(join(folder, 'index.d.ts'), 'export type A = 1;\n');
    writeFileSync(join(folder, 'other.d.ts'), 'export type B = 1;\r\n');
    const files = declaringFiles(project('Where.'));
    expect(files).toEqual(['index.d.ts', 'other.d.ts']);
    const text = `# Reference\n${fingerprint(files, folder)}`;
    expect(isFresh(text, folder)).toBe(true);
    writeFileSync(join(folder, 'unrelated.d.ts'), 'export type C = 1;\n');
    writeFileSync(join(folder, 'other.d.ts'), 'export type B = 1;\n'); // another system's ends of lines
    expect(isFresh(text, folder)).toBe(true);
    writeFileSync(join(folder, 'other.d.ts'), 'export type B = 2;\n');
    expect(isFresh(text, folder)).toBe(false);
    rmSync(join(folder, 'other.d.ts'));
    expect(isFresh(text, folder)).toBe(false);
    expect(isFresh('# Reference\n', folder)).toBe(false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
