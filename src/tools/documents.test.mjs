import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { marked } from 'marked';
import { describe, expect, it } from 'vitest';
import { brokenLinks } from './package/packed.mjs';

const ROOT = join(import.meta.dirname, '../..');

const GLOSSARY = 'src/model/GLOSSARY.md';

/** Folders whose files documents name. */
const FOLDERS = ['docs', 'e2e', 'public', 'shaders', 'src'];

const MOST_LINES = 250;
const MOST_WORDS = 25;

/** @param {string} path */
const read = (path) => readFileSync(join(ROOT, path), 'utf8');

/** @param {string} folder */
const filesOf = (folder) =>
  readdirSync(join(ROOT, folder), { recursive: true }).map((file) => `${folder}/${String(file).replaceAll('\\', '/')}`);

const files = [...readdirSync(ROOT), ...FOLDERS.flatMap(filesOf)];

/** Documents that people write. The reference and the catalogue of kernels are made of comments. */
const written = [
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'README.md',
  GLOSSARY,
  ...files.filter((file) => /^docs\/(?!API).*\.md$/.test(file)),
];

/**
 * Paths in backticks. A path ends before the first part that stands for something: NAME or ROOM.
 * @param {string} text
 */
function pathsIn(text) {
  const named = text.matchAll(/`((?:docs|e2e|public|shaders|src)\/[\w./@-]+)`/g);
  return [...named].map(([, path = '']) => path.replace(/\/[^/]*(?:NAME|ROOM).*$/, ''));
}

/**
 * Folders and files in backticks, from the root or not.
 * @param {string} text
 */
function pathsOrNames(text) {
  const named = [...text.matchAll(/`([\w./-]+)`/g)].map(([, path = '']) => path);
  return named.filter((path) => !/NAME|ROOM/.test(path));
}

/**
 * Sentences of prose, of list items and of cells. A span of code is one word.
 * @param {string} text Markdown
 */
function sentencesIn(text) {
  /** @type {string[]} */
  const passages = [];
  /** @param {import('marked').Token[]} tokens */
  const plain = (tokens) => tokens.map((token) => plainOf(token)).join('');
  /** @type {(token: import('marked').Token) => string} */
  const plainOf = (token) => {
    if (token.type === 'codespan') return 'code';
    if ('tokens' in token && token.tokens) return plain(token.tokens);
    return 'text' in token ? String(token.text) : ' ';
  };
  void marked.walkTokens(marked.lexer(text), (token) => {
    if (token.type === 'paragraph' || (token.type === 'text' && 'tokens' in token)) passages.push(plainOf(token));
    if (token.type !== 'table') return;
    const { header, rows } = /** @type {import('marked').Tokens.Table} */ (token);
    for (const cell of [header, ...rows].flat()) passages.push(plain(cell.tokens));
  });
  return passages.flatMap((passage) => passage.split(/(?<=[.!?])\s+/)).map((sentence) => sentence.trim());
}

/** @param {string} sentence */
const wordsOf = (sentence) => sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));

describe.each(written)('%s', (document) => {
  it('names only files that exist', () => {
    expect(pathsIn(read(document)).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('has only links that lead somewhere', () => {
    expect(brokenLinks(document, new Set(files), read)).toEqual([]);
  });

  it(`has sentences of at most ${MOST_WORDS} words`, () => {
    const long = sentencesIn(read(document)).filter((sentence) => wordsOf(sentence).length > MOST_WORDS);
    expect(long).toEqual([]);
  });
});

it(`the README has at most ${MOST_LINES} lines`, () => {
  expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(MOST_LINES);
});

it('the glossary has every word in the names of shaders', () => {
  const names = files.filter((file) => /^shaders\/(?!bench).*\.wgsl$/.test(file));
  const words = new Set(names.flatMap((file) => file.replace(/^.*\/|\.wgsl$/g, '').split('_')));
  const known = new Set(
    read(GLOSSARY)
      .toLowerCase()
      .match(/[a-z0-9]+/g),
  );
  expect(words.size).toBeGreaterThan(60);
  expect([...words].filter((word) => !known.has(word))).toEqual([]);
});

it('the questions of a stranger have answers that are there, in the folder that each names', () => {
  const [, questions = ''] = read('docs/ARCHITECTURE.md').split('## Questions of a stranger');
  const [table] = marked.lexer(questions).filter((token) => token.type === 'table');
  const answers = /** @type {import('marked').Tokens.Table} */ (table).rows.flatMap(([, folder, answer]) => {
    const [place = ''] = pathsOrNames(folder?.text ?? '');
    return pathsOrNames(answer?.text ?? '').map((name) => (files.includes(name) ? name : `${place}/${name}`));
  });
  expect(answers.length).toBeGreaterThan(15);
  expect(answers.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

it('sees paths, and sentences in every place', () => {
  expect(pathsIn('`src/a.ts`, `src/b/NAME.ts`, `shaders/ROOM/NAME.wgsl`, `docs/API.md`, `x/src/c.ts`')).toEqual([
    'src/a.ts',
    'src/b',
    'shaders',
    'docs/API.md',
  ]);
  expect(sentencesIn('One two `a b`. Three!\n\n- four [five](x.md)\n\n| six |\n| --- |\n| seven. eight |\n')).toEqual([
    'One two code.',
    'Three!',
    'four five',
    'six',
    'seven.',
    'eight',
  ]);
});
