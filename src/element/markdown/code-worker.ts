// The worker that finds out what is a keyword, a string or a comment in code.

import hljs from 'highlight.js/lib/common';
import { readStretches, type CodeRequest, type Stretches } from './code-scopes.ts';
import { answerWith } from './helper-answers.ts';

answerWith(({ text, language }: CodeRequest): Stretches | undefined =>
  hljs.getLanguage(language)
    ? readStretches(hljs.highlight(text, { language, ignoreIllegals: true }).value)
    : undefined,
);
