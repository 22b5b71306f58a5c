// The filters of jinja2, by name.

import { TemplateFault, TemplateUnsupported } from './faults.ts';
import { SEQUENCE_FILTERS } from './sequence-filters.ts';
import { SELECTION_FILTERS } from './selection-filters.ts';
import type { Filter } from './filter.ts';
import { TEXT_FILTERS } from './text-filters.ts';
import { VALUE_FILTERS } from './value-filters.ts';

const FILTERS = new Map<string, Filter>([
  ...Object.entries(TEXT_FILTERS),
  ...Object.entries(VALUE_FILTERS),
  ...Object.entries(SEQUENCE_FILTERS),
  ...Object.entries(SELECTION_FILTERS),
]);

/** Filters that jinja2 has besides: no chat template needs them, or they give something else each time. */
const UNSUPPORTED = ['filesizeformat', 'pprint', 'random', 'striptags', 'urlize', 'wordwrap', 'xmlattr'];

export function hasFilter(name: string): boolean {
  return FILTERS.has(name) || UNSUPPORTED.includes(name);
}

/** @throws TemplateFault where there is no such filter; TemplateUnsupported */
export function filterNamed(name: string): Filter {
  const filter = FILTERS.get(name);
  if (filter !== undefined) return filter;
  if (UNSUPPORTED.includes(name)) throw new TemplateUnsupported(`the filter "${name}"`);
  throw new TemplateFault(`there is no filter "${name}"`);
}
