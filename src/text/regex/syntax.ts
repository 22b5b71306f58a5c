// The nodes of parsed patterns.

import { BambaError } from '../../errors.ts';

/** A set of characters. */
export interface CharSet {
  /** A character class that JavaScript takes with its flag `v`: in brackets, or a single `\p{...}`. */
  readonly source: string;
  /** Whether the set has all that differs from its characters in case alone. */
  readonly ignoreCase: boolean;
  /** Whether what is meant is all other characters. */
  readonly negated: boolean;
}

/** Places between characters that a pattern can ask for. */
export type Place =
  'lineStart' | 'lineEnd' | 'textStart' | 'textEnd' | 'lastLineEnd' | 'searchStart' | 'wordEdge' | 'notWordEdge';

/** One part of a pattern. */
export type Node =
  | { readonly kind: 'char'; readonly code: number }
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'place'; readonly place: Place }
  | { readonly kind: 'sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'choice'; readonly options: readonly Node[] }
  | {
      readonly kind: 'repeat';
      readonly body: Node;
      readonly min: number;
      /** Infinity for no end. */
      readonly max: number;
      readonly lazy: boolean;
    }
  /** Its first match is not tried again in another way. */
  | { readonly kind: 'atomic'; readonly body: Node }
  | { readonly kind: 'look'; readonly body: Node; readonly behind: boolean; readonly negated: boolean };

/** A part of a pattern that is not built here. */
export function unsupported(pattern: string, what: string): BambaError {
  return new BambaError(
    'unsupported_model',
    `The tokenizer of this model splits text with the pattern ${quote(pattern)}, which uses ${what}. That is not supported; take another model.`,
  );
}

/** A fault that no regular expression may have. */
export function malformed(pattern: string, what: string): BambaError {
  return new BambaError(
    'config_invalid',
    `tokenizer.json has the pattern ${quote(pattern)}, in which ${what}. Take the file from the model's own repository.`,
  );
}

function quote(pattern: string): string {
  return JSON.stringify(pattern.length > 200 ? `${pattern.slice(0, 200)}…` : pattern);
}
