// Our side of a comparison with jinja2. For tests.

import { formatTime } from '../strftime.ts';
import { TemplateFault } from '../jinja/faults.ts';
import { fromJs } from '../jinja/from-js.ts';
import { Template } from '../jinja/render.ts';
import { callable, plainArgument } from '../jinja/signature.ts';
import { plain } from '../jinja/text.ts';
import type { Value } from '../jinja/values.ts';
import { VARIABLES } from './generate-template.ts';

const NOW = new Date(2026, 2, 5, 14, 7, 9);

const variables: [string, Value][] = [
  ...Object.entries(VARIABLES).map(([name, value]): [string, Value] => [name, fromJs(value, 'message')]),
  ['strftime_now', callable('format!', (format) => formatTime(NOW, plainArgument(format)))],
  [
    'raise_exception',
    callable('message!', (message) => {
      throw new TemplateFault(plainArgument(message));
    }),
  ],
];

/** The output of a template; null where it fails as jinja2 fails. Any other error is thrown. */
export function outcome(template: string): string | null {
  try {
    return plain(new Template(template).render(variables));
  } catch (error) {
    if (error instanceof TemplateFault) return null;
    throw error;
  }
}
