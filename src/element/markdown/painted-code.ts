// Code in colours.

import { KINDS, type CodeRequest, type Stretches } from './code-scopes.ts';
import { HelperWorker } from './helper-worker.ts';
import { Painter } from './painter.ts';

/** Code longer than this stays in one colour. */
const LONGEST = 30_000;

/** So many words are coloured, each in an element of its own; what follows is not. */
const MOST_WORDS = 3000;

const highlighter = new HelperWorker<CodeRequest, Stretches>(async () =>
  (await import('./on-demand-code.ts')).startCodeWorker(),
);

const painter = new Painter<CodeRequest, Stretches>({
  keyOf: ({ language, text }) => `${language}\n${text}`,
  ask: (request) => highlighter.ask(request),
  draw: (element, { text }, stretches) => element.replaceChildren(coloured(text, stretches)),
  kept: 24,
  pauseFactor: 4,
});

/**
 * Colours the code in an element, now or soon. Code that goes on has the colours of its beginning until then.
 *
 * @param code an element with nothing in it but text
 * @param language as whoever wrote the code calls it
 */
export function paintCode(code: HTMLElement, language: string): void {
  const text = code.textContent ?? '';
  if (language === '' || text.length > LONGEST) return;
  const request = { language: language.toLowerCase(), text };
  if (painter.paint(code, request)) return;
  for (const { request: before, made } of painter.recent) {
    if (made === 'refused' || before.language !== request.language) continue;
    const beginning = before.text.trimEnd();
    if (beginning === '' || !text.startsWith(beginning)) continue;
    code.replaceChildren(coloured(text, made, beginning.length));
    return;
  }
}

/**
 * A text in colours: all of it, whatever the stretches say.
 *
 * @param end the stretches hold up to here
 */
export function coloured(text: string, stretches: Stretches, end = text.length): DocumentFragment {
  const fragment = document.createDocumentFragment();
  let at = 0;
  let words = 0;
  for (const [until, kind] of stretches) {
    const next = Math.min(until, end);
    const name = KINDS[kind];
    if (next <= at) continue;
    if (name !== undefined && words++ >= MOST_WORDS) break;
    fragment.append(name === undefined ? text.slice(at, next) : word(text.slice(at, next), name));
    at = next;
  }
  if (at < text.length) fragment.append(text.slice(at));
  return fragment;
}

function word(text: string, kind: string): HTMLElement {
  const span = document.createElement('span');
  span.className = `word-${kind}`;
  span.textContent = text;
  return span;
}
