import { escapeHtml } from './escape-html.ts';
import { concat, isSafe, markSafe, type Str } from './text.ts';

/** `left + right` of two texts: safe HTML escapes what is joined to it. */
export function sumOfTexts(left: Str, right: Str): Str {
  if (!isSafe(left) && !isSafe(right)) return concat([left, right]);
  return markSafe(concat([escapeHtml(left), escapeHtml(right)]));
}
