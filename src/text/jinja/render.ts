// Templates as jinja2 renders them in its immutable sandbox. Chat templates as transformers has them: with trim_blocks and
// lstrip_blocks. Those of evaluations as lm-evaluation-harness has them: without, and strict about names that are missing.

import { withBudget } from './budget.ts';
import { TemplateOverrun } from './faults.ts';
import { render } from './interpreter.ts';
import type { Statement } from './nodes.ts';
import { GLOBALS } from './objects.ts';
import { parseTemplate } from './parser.ts';
import { Scope } from './scope.ts';
import type { Str } from './text.ts';
import { type Value, withUndefined } from './values.ts';

/** A template that was read. */
export class Template {
  readonly #body: readonly Statement[];
  readonly #strict: boolean;

  /**
   * @param options `strict`: spaces around blocks stay, and the use of a name or member that is missing is a fault
   * @throws TemplateFault where the text is none; TemplateUnsupported, TemplateOverrun
   */
  constructor(source: string, { strict = false }: { strict?: boolean } = {}) {
    this.#strict = strict;
    this.#body = withBudget(() => withinStack(() => parseTemplate(source, !strict)));
  }

  /**
   * The text that it writes.
   *
   * @param variables what it finds by name
   * @throws TemplateFault as it refuses them, TemplateUnsupported, TemplateOverrun
   */
  render(variables: Iterable<readonly [string, Value]>): Str {
    const scope = new Scope(null);
    for (const [name, value] of GLOBALS) scope.set(name, value);
    for (const [name, value] of variables) scope.set(name, value);
    const run = () => withBudget(() => withinStack(() => render(this.#body, new Scope(scope))));
    return withUndefined(this.#strict ? 'refused' : 'empty', run);
  }
}

/** Lists inside of lists, and the like, can still be too deep for the engine that runs this. */
function withinStack<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new TemplateOverrun('it nests values too deep', { cause: error });
  }
}
