// Applies filters and tests by name.

import type { Appliers } from './filter.ts';
import { filterNamed } from './filters.ts';
import { signature } from './signature.ts';
import { applyTest } from './tests.ts';

export const appliers: Appliers = {
  filter(name, value, list, named) {
    const filter = filterNamed(name);
    if (typeof filter === 'function') return filter(value, list, named, appliers);
    const [parameters, apply] = filter;
    return apply(value, ...signature(parameters)(list, named));
  },
  test: applyTest,
};
