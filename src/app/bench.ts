// The page of the benchmark. An address with a shape or a model of this site runs at once. `window.__result` is the promise
// of the result: the command and other programs take it. Models of other sites wait for a click.

import { runBench } from '../bench/bench.ts';
import { parseOptions } from '../bench/options.ts';
import { sections } from '../bench/report.ts';
import { foreignAddresses } from './bench-consent.ts';
import { measuringPage } from './bench-page.ts';

window['__result'] = measuringPage({
  schemes: ['int8', 'int4', 'fp8', 'f16', 'f32'],
  flags: ['profile', 'quick'],
  runsWith: ['shape', 'model'],
  foreign: (query) => foreignAddresses(parseOptions(query).targets.flatMap((one) => ('url' in one ? one.url : []))),
  measure: (query, listeners) => runBench(parseOptions(query), listeners),
  sections,
});
