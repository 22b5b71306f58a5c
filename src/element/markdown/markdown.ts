// Answers as Markdown, however long and whatever is in them. A text is cut into pieces; each is parsed when a frame has time
// for it, and is plain text until then. A text that is too much for a parser stays plain.
//
// An answer grows block by block, so only blocks whose source changed are made again. Earlier paragraphs keep their nodes,
// and a selection in them stays.

import { doSoon } from '../frame-work.ts';
import { drawable, LongText } from './long-text.ts';
import { cutPieces, type Piece } from './markdown-pieces.ts';
import { makeRenderer, type Links, type Renderer } from './markdown-renderer.ts';

/** A piece that takes long to draw is drawn again only after so many times as long. */
const PAUSE_FACTOR = 4;

/** Of an answer of more pieces than this, or of more characters, those in sight alone are laid out. */
const LONG = { pieces: 40, characters: 12_000 } as const;

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
  #pieces: PieceView[] = [];
  #rest: { text: LongText; node: HTMLElement } | undefined;
  #plain: LongText | undefined;
  #definitions = '';
  #links: Links = {};

  /** @param container an element whose children nobody else changes */
  constructor(container: HTMLElement) {
    this.#container = container;
  }

  /** Shows `text`, reusing the nodes of all leading pieces that are the same as before. */
  update(text: string): void {
    if (!renderer) return this.#showPlain(text);
    if (this.#plain) {
      delete this.#container.dataset['plain'];
      this.#container.textContent = '';
      this.#plain = undefined;
    }
    const { pieces, definitions, end } = cutPieces(text);
    // A definition may come after the paragraphs that use it: then they change.
    if (definitions !== this.#definitions) {
      this.#definitions = definitions;
      this.#links = renderer.links(definitions);
      for (const view of this.#pieces) if (view.piece.raw.includes('[')) view.piece = { raw: '', plain: true };
    }
    for (const stale of this.#pieces.splice(pieces.length)) stale.remove();
    this.#container.toggleAttribute('data-long', pieces.length > LONG.pieces || end > LONG.characters);
    pieces.forEach((piece, index) => this.#show(piece, index));
    this.#showRest(text.slice(end));
  }

  #show(piece: Piece, index: number): void {
    const before = this.#pieces[index];
    if (before?.piece.raw === piece.raw && before.piece.plain === piece.plain) return;
    const view = before ?? new PieceView();
    if (!before) {
      this.#pieces.push(view);
      this.#container.insertBefore(view.node, this.#rest?.node ?? null);
    }
    view.show(piece, () => this.#links);
  }

  #showRest(text: string): void {
    if (text === '') {
      this.#rest?.node.remove();
      this.#rest = undefined;
      return;
    }
    if (!this.#rest) {
      const node = document.createElement('div');
      node.className = 'rest';
      const note = document.createElement('p');
      note.className = 'muted';
      note.textContent = 'This answer is very long: the rest of it is shown as plain text.';
      const box = document.createElement('div');
      node.append(note, box);
      this.#container.append(node);
      this.#rest = { text: new LongText(box), node };
    }
    this.#rest.text.update(text);
  }

  #showPlain(text: string): void {
    this.#container.dataset['plain'] = '';
    this.#plain ??= new LongText(this.#container);
    this.#plain.update(text);
  }
}

/** A piece of an answer, in as many blocks as it has. */
class PieceView {
  readonly node = document.createElement('div');
  piece: Piece = { raw: '', plain: true };
  #blocks: { raw: string; node: HTMLElement }[] = [];
  #links: () => Links = () => ({});
  #drawn: Links | undefined;
  #waiting = false;
  #costMs = 0;
  #drawnAt = 0;

  constructor() {
    this.node.className = 'piece';
  }

  /** Shows a piece: as plain text where there was none, and as it is meant when there is time. */
  show(piece: Piece, links: () => Links): void {
    this.piece = piece;
    this.#links = links;
    if (piece.plain) return this.#showPlain();
    if (this.#blocks.length === 0) this.#showPlain();
    this.#drawSoon();
  }

  remove(): void {
    this.node.remove();
  }

  #drawSoon(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    const pauseMs = this.#drawnAt + PAUSE_FACTOR * this.#costMs - performance.now();
    const draw = (): void =>
      doSoon(() => {
        this.#waiting = false;
        if (!this.piece.plain) this.#draw();
      });
    if (this.#costMs > 4 && pauseMs > 0) setTimeout(draw, pauseMs);
    else draw();
  }

  #draw(): void {
    if (!renderer) return;
    const begin = performance.now();
    try {
      this.#drawBlocks(renderer);
    } catch {
      // A text on which a parser fails is a text all the same.
      this.#showPlain();
    }
    this.#drawnAt = performance.now();
    this.#costMs = this.#drawnAt - begin;
  }

  #drawBlocks(parser: Renderer): void {
    const links = this.#links();
    const tokens = parser.blocks(this.piece.raw, links).filter(({ type }) => type !== 'space' && type !== 'def');
    let same = 0;
    if (this.#drawn === links) {
      while (same < tokens.length && this.#blocks[same]?.raw === tokens[same]?.raw) same++;
    }
    this.#drawn = links;
    const made = tokens.slice(same).map((token) => {
      const node = makeBlock('block');
      node.append(parser.fragment(token, links));
      return { raw: token.raw, node };
    });
    for (const stale of this.#blocks.splice(same)) stale.node.remove();
    if (same === 0) this.node.textContent = '';
    this.node.append(...made.map(({ node }) => node));
    this.#blocks.push(...made);
  }

  #showPlain(): void {
    const node = makeBlock('block plain');
    node.textContent = drawable(this.piece.raw.replace(/\n+$/, ''));
    this.node.replaceChildren(node);
    this.#blocks = [];
    this.#drawn = undefined;
  }
}

function makeBlock(className: string): HTMLElement {
  const node = document.createElement('div');
  node.className = className;
  node.dir = 'auto';
  return node;
}
