import { BambaError } from '../../errors.ts';
import { type BenchTarget, parseOptions } from '../options.ts';
import { SHAPES, type ShapeName } from '../shapes.ts';
import type { PeerScheme } from './random-model.ts';

/** What is compared: `onnx` may round activations to int8, `onnx-f32` may not; `own-int8` reads prompts with int8 ones. */
export const RUNTIME_NAMES = ['own', 'own-int8', 'onnx', 'onnx-f32', 'wllama'] as const;
export type RuntimeName = (typeof RUNTIME_NAMES)[number];

/** What to compare, and how thoroughly. */
export interface PeersOptions {
  targets: { shape: ShapeName; scheme: PeerScheme }[];
  runtimes: RuntimeName[];
  prefills: number[];
  contexts: number[];
  runs: number;
  tokens: number;
  /** Seconds that a step of a runtime may take: what is slower is given up, and its row says so. */
  patienceS: number;
}

const DEFAULTS = { prefills: '512,1024', contexts: '16,1024', runs: '3', tokens: '64', patience: '60' };

/**
 * Reads the options of a page's address:
 * `?shape=lexicon,bamba-1b:int4&scheme=int8&runtimes=own,onnx&prefills=512&contexts=16&runs=3&tokens=64&patience=60`.
 * @throws BambaError `setting_invalid` that names what is wrong.
 */
export function parsePeersOptions(query: URLSearchParams): PeersOptions {
  const full = new URLSearchParams(query);
  for (const [name, value] of Object.entries(DEFAULTS)) if (!full.has(name)) full.set(name, value);
  const { targets, prefills, contexts, runs, tokens } = parseOptions(full);
  const patienceS = Number(full.get('patience'));
  if (!(patienceS > 0)) throw invalid('patience', full.get('patience') ?? '', 'seconds above 0');
  const names = full.get('runtimes')?.split(',') ?? [...RUNTIME_NAMES];
  const runtimes = names.map((name) => {
    const found = RUNTIME_NAMES.find((one) => one === name);
    if (!found) throw invalid('runtimes', name, RUNTIME_NAMES.join(', '));
    return found;
  });
  return { targets: targets.map(peerTarget), runtimes, prefills, contexts, runs, tokens, patienceS };
}

function peerTarget(target: BenchTarget): { shape: ShapeName; scheme: PeerScheme } {
  if ('url' in target) throw invalid('model', target.url, Object.keys(SHAPES).join(', '));
  const { shape, scheme } = target;
  if (scheme !== 'int8' && scheme !== 'int4') throw invalid('scheme', scheme, 'int8, int4');
  return { shape, scheme };
}

function invalid(name: string, value: string, expected: string): BambaError {
  return new BambaError('setting_invalid', `The comparison cannot take ${name}=${value}. Possible: ${expected}.`);
}
