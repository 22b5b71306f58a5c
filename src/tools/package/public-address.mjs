// The project's public address in package.json. None of it is guessed where a host has no such custom.

import { CommandError } from '../process.mjs';

/** Where hosts keep a repository's issues. @type {Record<string, string>} */
const ISSUES = { 'github.com': 'issues', 'codeberg.org': 'issues', 'gitlab.com': '-/issues' };

/**
 * @param {string} text
 * @param {string} what it is the address of
 * @returns {URL}
 * @throws CommandError where others could not open it
 */
function publicUrl(text, what) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Names kept for examples and for a machine itself: RFC 2606, RFC 6761.
  const reserved = /(?:^|\.)(?:example(?:\.(?:com|net|org))?|invalid|test|localhost|local)$/;
  if (url?.protocol !== 'https:' || !/\.[a-z][a-z\d-]+$/.test(url.hostname) || reserved.test(url.hostname)) {
    throw new CommandError(`${JSON.stringify(text)} is no public https address of ${what}.`);
  }
  return url;
}

/**
 * The fields `repository`, `homepage` and `bugs`.
 * @param {{ repository: string, homepage?: string | undefined, bugs?: string | undefined }} given
 * @returns {{ repository: { type: 'git', url: string }, homepage: string, bugs: { url: string } }}
 * @throws CommandError for an address that is not public, or one that only a person can know
 */
export function addressFields({ repository, homepage, bugs }) {
  const { hostname, origin, pathname } = publicUrl(repository, 'a repository');
  const path = pathname.replace(/(?:\.git)?\/*$/, '');
  if (!/^\/[^/]+\/[^/]/.test(path))
    throw new CommandError(`${repository} names no repository: https://HOST/OWNER/NAME`);
  const page = `${origin}${path}`;
  const issues = ISSUES[hostname];
  if (issues === undefined && (homepage === undefined || bugs === undefined)) {
    throw new CommandError(
      `Where ${hostname} has a project's page and issues is not known: add --homepage and --bugs.`,
    );
  }
  return {
    repository: { type: 'git', url: `git+${page}.git` },
    homepage: homepage === undefined ? `${page}#readme` : publicUrl(homepage, 'a page').href,
    bugs: { url: bugs === undefined ? `${page}/${issues}` : publicUrl(bugs, 'issues').href },
  };
}
