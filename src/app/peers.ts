// The page that compares runtimes. An address with a shape runs at once, and the promise of the result is
// `window.__result`: so the command and other programs take it.

import { comparePeers } from '../bench/peers/compare.ts';
import { parsePeersOptions } from '../bench/peers/options.ts';
import { peersSections } from '../bench/peers/report.ts';
import { measuringPage } from './bench-page.ts';

window['__result'] = measuringPage({
  schemes: ['int8', 'int4'],
  runsWith: ['shape'],
  measure: (query, listeners) => comparePeers(parsePeersOptions(query), listeners),
  sections: peersSections,
});
