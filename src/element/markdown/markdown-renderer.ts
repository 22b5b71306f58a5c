// Markdown to elements. A model's output is untrusted text. HTML in it is shown as text. Images are shown as links: fetching
// them would tell a stranger about the chat. The parser's output still passes a sanitizer with a short list of elements.

import type { Config } from 'dompurify';
import type { Token, TokensList } from 'marked';
import { mathExtension } from './markdown-math.ts';
import { paintCode } from './painted-code.ts';
import { paintMath } from './painted-math.ts';

/** Definitions of links, by their names. */
export type Links = TokensList['links'];

/** Parses and sanitizes. */
export interface Renderer {
  /** Definitions of links in lines that have nothing else. */
  links(definitions: string): Links;
  /** The blocks of a text, which may use links that are defined elsewhere. */
  blocks(text: string, links: Links): Token[];
  fragment(block: Token, links: Links): DocumentFragment;
}

const SANITIZER: Config & { RETURN_DOM_FRAGMENT: true } = {
  ALLOWED_TAGS:
    'a blockquote br code del em h1 h2 h3 h4 h5 h6 hr li ol p pre strong table tbody td th thead tr ul'.split(' '),
  ALLOWED_ATTR: ['align', 'class', 'href', 'start', 'title'],
  // Else their values, too, would have to look like the URLs allowed below.
  ADD_URI_SAFE_ATTR: ['align', 'start'],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

/** Of MathML, what draws; nothing that links, fetches, runs or has a style. */
const MATH_SANITIZER: Config & { RETURN_DOM_FRAGMENT: true } = {
  ALLOWED_TAGS: (
    'math mrow mi mo mn ms mtext mspace mfrac msqrt mroot mstyle mpadded mphantom menclose msub msup msubsup munder ' +
    'mover munderover mmultiscripts mprescripts none mtable mtr mtd'
  ).split(' '),
  ALLOWED_ATTR: (
    'accent accentunder class columnalign columnspan depth display displaystyle fence form height largeop linethickness ' +
    'lspace mathvariant maxsize minsize movablelimits notation rowspan rspace scriptlevel separator stretchy symmetric ' +
    'voffset width'
  ).split(' '),
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

/** Fetches the parser and the sanitizer. */
export async function makeRenderer(): Promise<Renderer> {
  const [{ Lexer, Marked }, { default: DOMPurify }] = await Promise.all([import('marked'), import('dompurify')]);
  const marked = new Marked({ gfm: true, breaks: true });
  marked.use(mathExtension, {
    renderer: {
      html: ({ text, block }) => (block ? `<p>${escapeHtml(text)}</p>` : escapeHtml(text)),
      image: ({ href, text }) => `<a href="${escapeHtml(href)}">${escapeHtml(text || href)}</a>`,
      checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
    },
  });
  // An instance of our own: a page around the element may have put hooks on the shared one.
  const purifier = DOMPurify(window);
  const sanitizeMath = (markup: string): DocumentFragment => purifier.sanitize(markup, MATH_SANITIZER);
  return {
    links: (definitions) => marked.lexer(definitions).links,
    blocks(text, links) {
      const lexer = new Lexer(marked.defaults);
      Object.assign(lexer.tokens.links, links);
      return lexer.lex(text);
    },
    fragment(block, links) {
      const html = marked.parser(Object.assign([block], { links }));
      const fragment = dress(purifier.sanitize(html, SANITIZER));
      for (const code of fragment.querySelectorAll<HTMLElement>('code.math')) paintMath(code, sanitizeMath);
      return fragment;
    },
  };
}

/** Adds what the page needs around sanitized content: safe links, copy buttons, tables and code that scroll alone. */
function dress(fragment: DocumentFragment): DocumentFragment {
  for (const link of fragment.querySelectorAll('a[href]')) {
    link.setAttribute('target', '_blank');
    link.setAttribute('rel', 'noopener noreferrer nofollow');
  }
  for (const code of fragment.querySelectorAll<HTMLElement>('pre > code')) dressCode(code);
  for (const table of fragment.querySelectorAll('table')) {
    const frame = document.createElement('div');
    frame.className = 'table-frame';
    makeScrollable(frame, 'Table');
    table.replaceWith(frame);
    frame.append(table);
  }
  return fragment;
}

function dressCode(code: HTMLElement): void {
  const pre = code.parentElement;
  if (!pre) return;
  const language = /(?:^|\s)language-([\w+#.-]{1,20})/.exec(code.className)?.[1] ?? '';
  const figure = document.createElement('div');
  figure.className = 'code';
  const bar = document.createElement('div');
  bar.className = 'code-bar';
  const name = document.createElement('span');
  name.textContent = language;
  const copy = document.createElement('button');
  copy.type = 'button';
  copy.className = 'text-button';
  copy.dataset['copyCode'] = '';
  copy.textContent = 'Copy';
  copy.setAttribute('aria-label', 'Copy code');
  bar.append(name, copy);
  pre.replaceWith(figure);
  figure.append(bar, pre);
  pre.dir = 'ltr';
  makeScrollable(pre, language ? `Code, ${language}` : 'Code');
  paintCode(code, language);
}

/** A box that scrolls sideways must be reachable by keyboard, and have a name there. */
function makeScrollable(box: HTMLElement, label: string): void {
  box.tabIndex = 0;
  box.setAttribute('role', 'group');
  box.setAttribute('aria-label', label);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
