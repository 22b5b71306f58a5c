// The worker that finds out what is a keyword, a string or a comment in code.

import hljs from 'highlight.js/lib/common';
import { readStretches, type CodeRequest, type Stretches } from './code-scopes.ts';
import type { HelperFailure } from './helper-worker.ts';

globalThis.onmessage = ({ data }: MessageEvent<CodeRequest>): void => {
  globalThis.postMessage(highlight(data));
};

function highlight({ text, language }: CodeRequest): Stretches | HelperFailure {
  try {
    if (!hljs.getLanguage(language)) return { failed: true };
    return readStretches(hljs.highlight(text, { language, ignoreIllegals: true }).value);
  } catch {
    // A text that a grammar fails on is a text all the same.
    return { failed: true };
  }
}
