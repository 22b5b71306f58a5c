// Answers as Markdown. A model's output is untrusted text: HTML in it is shown as text, images are shown as links (a
// page that fetched them would tell a stranger what is being talked about), and what the parser produces still passes
// a sanitizer that knows a short list of elements.
//
// An answer grows block by block, so only blocks whose source changed are made again: earlier paragraphs keep their
// nodes, and with them a selection that someone is just making.

import type { Config } from 'dompurify';
import type { Token, TokensList } from 'marked';

/** Parses and sanitizes; loaded when first needed. */
interface Renderer {
  blocks(text: string): TokensList;
  fragment(block: Token, links: TokensList['links']): DocumentFragment;
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

let renderer: Renderer | undefined;
let loading: Promise<void> | undefined;

/** Fetches the parser and the sanitizer; until then answers are plain text. Resolves also when that fails. */
export function loadMarkdown(): Promise<void> {
  loading ??= prepare();
  return loading;
}

async function prepare(): Promise<void> {
  try {
    renderer = await makeRenderer();
  } catch {
    // Offline, or the files are gone: answers stay plain text, and the next answer tries again.
    loading = undefined;
  }
}

/** Shows a growing Markdown text in an element of its own. */
export class MarkdownView {
  readonly #container: HTMLElement;
  #shown: { raw: string; node: HTMLElement }[] = [];
  #links = '';

  /** @param container an element whose children nobody else changes */
  constructor(container: HTMLElement) {
    this.#container = container;
  }

  /** Shows `text`, reusing the nodes of all leading blocks that are the same as before. */
  update(text: string): void {
    if (!renderer) {
      this.#container.textContent = text;
      this.#container.dataset['plain'] = '';
      this.#shown = [];
      return;
    }
    if ('plain' in this.#container.dataset) {
      delete this.#container.dataset['plain'];
      this.#container.textContent = '';
    }
    const tokens = renderer.blocks(text);
    // A reference definition may come after the paragraphs that use it: then they all change.
    const links = JSON.stringify(tokens.links);
    if (links !== this.#links) for (const stale of this.#shown.splice(0)) stale.node.remove();
    this.#links = links;
    const blocks = tokens.filter((token) => token.type !== 'space' && token.type !== 'def');
    let same = 0;
    while (same < blocks.length && this.#shown[same]?.raw === blocks[same]?.raw) same++;
    for (const stale of this.#shown.splice(same)) stale.node.remove();
    for (const block of blocks.slice(same)) {
      const node = document.createElement('div');
      node.className = 'block';
      node.dir = 'auto';
      node.append(dress(renderer.fragment(block, tokens.links)));
      this.#container.append(node);
      this.#shown.push({ raw: block.raw, node });
    }
  }
}

async function makeRenderer(): Promise<Renderer> {
  const [{ Marked }, { default: DOMPurify }] = await Promise.all([import('marked'), import('dompurify')]);
  const marked = new Marked({ gfm: true, breaks: true });
  marked.use({
    renderer: {
      html: ({ text, block }) => (block ? `<p>${escapeHtml(text)}</p>` : escapeHtml(text)),
      image: ({ href, text }) => `<a href="${escapeHtml(href)}">${escapeHtml(text || href)}</a>`,
      checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
    },
  });
  // An instance of our own: a page around the element may have put hooks on the shared one.
  const purifier = DOMPurify(window);
  return {
    blocks: (text) => marked.lexer(text),
    fragment(block, links) {
      const html = marked.parser(Object.assign([block], { links }));
      return purifier.sanitize(html, SANITIZER);
    },
  };
}

/** Adds what the page needs around sanitized content: safe links, copy buttons, tables and code that scroll alone. */
function dress(fragment: DocumentFragment): DocumentFragment {
  for (const link of fragment.querySelectorAll('a[href]')) {
    link.setAttribute('target', '_blank');
    link.setAttribute('rel', 'noopener noreferrer nofollow');
  }
  for (const code of fragment.querySelectorAll('pre > code')) dressCode(code);
  for (const table of fragment.querySelectorAll('table')) {
    const frame = document.createElement('div');
    frame.className = 'table-frame';
    makeScrollable(frame, 'Table');
    table.replaceWith(frame);
    frame.append(table);
  }
  return fragment;
}

function dressCode(code: Element): void {
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
