// Holds the interpreter, and the right values that are kept beside it, to jinja2 itself. It needs Python with jinja2
// (`pip install jinja2==3.1.6`); ORACLE_TEMPLATES sets how many templates are generated, ORACLE_SEED which ones.

import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { TemplateUnsupported } from '../jinja/faults.ts';
import { outcome } from './comparison.ts';
import { generateTemplate, PRELUDE, randomNumbers, VARIABLES } from './generate-template.ts';
import rightValues from './right-values.json' with { type: 'json' };

const COUNT = Number(process.env['ORACLE_TEMPLATES'] ?? 300);
const SEED = Number(process.env['ORACLE_SEED'] ?? 20261129);
const SCRIPT = fileURLToPath(new URL('oracle.py', import.meta.url));

const isThere = spawnSync('python3', ['-c', 'import jinja2']).status === 0;
if (!isThere) console.warn('SKIPPED: no Python with jinja2 here, so templates are compared with kept values alone.');

function rightOutcomes(templates: readonly string[]): (string | null)[] {
  const input = JSON.stringify({ variables: VARIABLES, templates: templates.map((one) => PRELUDE + one) });
  return JSON.parse(execFileSync('python3', [SCRIPT], { input, maxBuffer: 2 ** 30 }).toString()) as (string | null)[];
}

test.skipIf(!isThere)('the kept values are those of jinja2', { timeout: 300_000 }, () => {
  expect(rightOutcomes(rightValues.map(([template]) => template!))).toEqual(rightValues.map(([, text]) => text));
});

test.skipIf(!isThere)(`${COUNT} generated templates give what jinja2 gives`, { timeout: 3_600_000 }, () => {
  const random = randomNumbers(SEED);
  const templates = Array.from({ length: COUNT }, () => generateTemplate(random));
  const right = rightOutcomes(templates);
  let refused = 0;
  templates.forEach((template, index) => {
    try {
      expect(outcome(PRELUDE + template), template).toBe(right[index]);
    } catch (error) {
      if (!(error instanceof TemplateUnsupported)) throw error;
      refused++;
    }
  });
  console.info(`${COUNT - refused} templates equal, ${refused} refused by name.`);
  expect(refused).toBeLessThan(COUNT / 10);
});
