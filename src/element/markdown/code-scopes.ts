// The colours of code: a highlighter names kinds of words, and the page numbers them. Each has a place in the text where it
// begins and one where it ends. No markup leaves the highlighter: whatever it does, the text on screen is the text that was
// written.

/** Kinds of words that have a colour of their own, each with its class. */
export const KINDS = ['keyword', 'string', 'number', 'comment', 'name', 'type', 'meta', 'added', 'removed'] as const;

/** A number of the list above, or -1 for text without a colour. */
export type Kind = number;

/** Stretches of a text: where each ends, and of which kind it is; each begins where the one before ends. */
export type Stretches = readonly (readonly [end: number, kind: Kind])[];

/** The request to the highlighter. */
export interface CodeRequest {
  readonly text: string;
  readonly language: string;
}

/** Names of a highlighter's scopes, each with its kind; of a longer name the beginning counts. */
const SCOPES: Readonly<Record<string, (typeof KINDS)[number]>> = {
  keyword: 'keyword',
  'selector-tag': 'keyword',
  tag: 'keyword',
  name: 'keyword',
  section: 'keyword',
  string: 'string',
  regexp: 'string',
  char: 'string',
  quote: 'comment',
  number: 'number',
  literal: 'number',
  symbol: 'number',
  bullet: 'number',
  link: 'string',
  comment: 'comment',
  doctag: 'comment',
  title: 'name',
  'selector-id': 'name',
  'selector-class': 'name',
  attr: 'name',
  attribute: 'name',
  property: 'name',
  type: 'type',
  built_in: 'type',
  variable: 'type',
  'template-variable': 'type',
  'selector-attr': 'type',
  'selector-pseudo': 'type',
  meta: 'meta',
  addition: 'added',
  deletion: 'removed',
};

const PART = /<span class="([^"]*)">|<\/span>|&(?:amp|lt|gt|quot|#x27);|[^<&]+/g;

/**
 * The stretches in a highlighter's markup, which has spans and the five entities, and nothing else.
 *
 * @example
 * readStretches('<span class="hljs-keyword">let</span> x'); // [[3, 0], [5, -1]]
 */
export function readStretches(markup: string): Stretches {
  const stretches: [number, Kind][] = [];
  const open: Kind[] = [];
  let end = 0;
  for (const [part, classes] of markup.matchAll(PART)) {
    if (classes !== undefined) open.push(kindOf(classes, open.at(-1) ?? -1));
    else if (part === '</span>') open.pop();
    else {
      end += part.startsWith('&') ? 1 : part.length;
      const kind = open.at(-1) ?? -1;
      const last = stretches.at(-1);
      if (last?.[1] === kind) last[0] = end;
      else stretches.push([end, kind]);
    }
  }
  return stretches;
}

/** The kind of a scope; one without a colour has that of the scope around it, but for what stands in a string. */
function kindOf(classes: string, around: Kind): Kind {
  const scope = /^hljs-([\w-]+)/.exec(classes)?.[1] ?? '';
  if (scope === 'subst') return -1;
  const kind = Object.hasOwn(SCOPES, scope) ? SCOPES[scope] : undefined;
  return kind === undefined ? around : KINDS.indexOf(kind);
}
