// The requirements of our package before npm packs it: it is complete and described, and the links of its manual lead
// somewhere.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { marked } from 'marked';

/** The fields of a manifest for people and registries. */
const DESCRIBED = ['name', 'version', 'description', 'keywords', 'author', 'license', 'engines'];

/**
 * The files that npm would pack, with `/` between folders.
 * @param {string} root
 * @returns {string[]}
 */
export function packedFiles(root) {
  const output = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ files }] = /** @type {[{ files: { path: string }[] }]} */ (JSON.parse(output));
  return files.map(({ path }) => path);
}

/**
 * All files that a manifest names for programs.
 * @param {Record<string, unknown>} manifest
 * @returns {string[]}
 */
function targets({ exports = {}, bin = {}, unpkg, jsdelivr, customElements }) {
  /** @type {(value: unknown) => string[]} */
  const named = (value) => (typeof value === 'string' ? [value] : Object.values(value ?? {}).flatMap(named));
  const paths = [exports, bin, unpkg, jsdelivr, customElements].flatMap(named);
  return [...new Set(paths.map((path) => posix.normalize(path)))];
}

/**
 * The faults of a package as npm would pack it.
 * @param {string} root its folder
 * @param {readonly string[]} files that are packed
 * @returns {string[]} a sentence a fault
 */
export function packageFaults(root, files) {
  const read = (/** @type {string} */ path) =>
    existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '';
  const manifest = JSON.parse(read('package.json'));
  const packed = new Set(files);
  const dated = new RegExp(`^## \\[${String(manifest.version).replaceAll('.', '\\.')}\\] - \\d{4}-\\d{2}-\\d{2}$`, 'm');
  return [
    ...DESCRIBED.filter((name) => !manifest[name]).map((name) => `package.json has no ${name}.`),
    ...(manifest.private ? ['package.json says private: npm will not publish it.'] : []),
    ...targets(manifest)
      .filter((path) => !packed.has(path))
      .map((path) => `package.json names ${path}, which is not packed. Run: npm run build:lib`),
    ...(dated.test(read('CHANGELOG.md')) ? [] : [`CHANGELOG.md has no section of ${manifest.version} with a date.`]),
    ...files.filter((file) => file.endsWith('.md')).flatMap((file) => brokenLinks(file, packed, read)),
  ];
}

/**
 * Links of a Markdown file to files that are not packed, or to headings that are not there.
 * @param {string} file
 * @param {ReadonlySet<string>} packed
 * @param {(path: string) => string} read
 * @returns {string[]} a sentence a link
 */
export function brokenLinks(file, packed, read) {
  return linksOf(read(file)).flatMap((link) => {
    if (/^[a-z][a-z+.-]*:/i.test(link)) return [];
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? file : posix.normalize(posix.join(posix.dirname(file), decodeURI(path)));
    const there = packed.has(target) || [...packed].some((one) => one.startsWith(`${target}/`));
    if (!there) return [`${file} links to ${link}, which is not packed.`];
    if (anchor === undefined || headingsOf(read(target)).has(anchor)) return [];
    return [`${file} links to ${link}, and ${target} has no such heading.`];
  });
}

/**
 * Addresses of links and pictures, of those in HTML as well.
 * @param {string} text Markdown
 * @returns {string[]}
 */
function linksOf(text) {
  /** @type {string[]} */
  const links = [];
  void marked.walkTokens(marked.lexer(text), (token) => {
    if (token.type === 'link' || token.type === 'image') links.push(token.href);
    if (token.type !== 'html') return;
    for (const [, link = ''] of token.text.matchAll(/\s(?:src|srcset|href)="([^"\s]+)/g)) links.push(link);
  });
  return links;
}

/**
 * The names of headings in addresses: in lower case, without marks, those of the same words numbered.
 * @param {string} text Markdown
 * @returns {Set<string>}
 */
function headingsOf(text) {
  /** @type {Set<string>} */
  const names = new Set();
  void marked.walkTokens(marked.lexer(text), (token) => {
    if (token.type !== 'heading') return;
    const plain = token.text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-');
    let name = plain;
    for (let times = 1; names.has(name); times++) name = `${plain}-${times}`;
    names.add(name);
  });
  return names;
}
