import { describe, expect, it } from 'vitest';
import { relativeDifference } from './agreement.ts';
import { parsePeersOptions } from './options.ts';
import { peersSections } from './report.ts';
import type { PeersResult, RuntimeResult } from './result.ts';

describe('parsePeersOptions', () => {
  it('reads an address', () => {
    const options = parsePeersOptions(
      new URLSearchParams('shape=lexicon,bamba-1b:int4&runtimes=own,onnx&prefills=32&runs=1&patience=20'),
    );
    expect(options).toEqual({
      targets: [
        { shape: 'lexicon', scheme: 'int8' },
        { shape: 'bamba-1b', scheme: 'int4' },
      ],
      runtimes: ['own', 'onnx'],
      prefills: [32],
      contexts: [16, 1024],
      runs: 1,
      tokens: 64,
      patienceS: 20,
    });
  });

  it.each([
    ['shape=lexicon&runtimes=own,onxx', /runtimes=onxx. Possible: own, own-int8, onnx/],
    ['shape=lexicon:fp8', /scheme=fp8. Possible: int8, int4/],
    ['shape=lexicon&patience=0', /patience=0/],
    ['model=./models/lexicon/', /model=/],
  ])('refuses %s', (address, message) => {
    expect(() => parsePeersOptions(new URLSearchParams(address))).toThrow(message);
  });
});

describe('relativeDifference', () => {
  it('leaves out a constant and what was not told', () => {
    const ours = Float32Array.of(1, -1, 3, 5);
    expect(relativeDifference(Float32Array.of(11, 9, 13, 15), ours)).toBeCloseTo(0, 6);
    expect(relativeDifference(Float32Array.of(11, 9, 13, NaN), ours)).toBeCloseTo(0, 6);
    expect(relativeDifference(Float32Array.of(-1, 1, -3, -5), ours)).toBeCloseTo(2, 6);
  });
});

describe('peersSections', () => {
  const runtime = (name: string, more: Partial<RuntimeResult> = {}): RuntimeResult => ({
    name,
    format: 'int8',
    backend: 'WebGPU',
    bytes: 2e7,
    difference: null,
    load: { seconds: 0.5, runs: [0.5] },
    firstToken: { seconds: 0.1, runs: [0.1] },
    prefill: [{ tokens: 512, figure: { seconds: 0.5, runs: [0.5] } }],
    decode: [{ context: 16, figure: { seconds: 0.002, runs: [0.002] } }],
    dispatchesPerToken: 64,
    ...more,
  });
  const slow = runtime('other 1.0 (inside)', {
    backend: 'CPU, 1 thread',
    difference: 0.0212,
    prefill: [{ tokens: 512, figure: { error: 'no end within 180 s' } }],
    dispatchesPerToken: null,
  });
  const result = {
    adapter: { vendor: 'v', architecture: 'a', device: '', description: 'A GPU' },
    userAgent: 'Chrome/156.0',
    features: ['subgroups'],
    crossOriginIsolated: false,
    models: [{ name: 'lexicon int8', runtimes: [runtime('bamba-web'), slow] }],
  } as unknown as PeersResult;

  it('puts runtimes side by side, and says what failed', () => {
    const [adapter, model] = peersSections(result);
    expect(adapter?.facts).toEqual(['no shader-f16, subgroups; no threads: the page is not isolated']);
    expect(model?.facts).toEqual([
      'A: bamba-web, WebGPU; int8',
      'B: other 1.0 (inside), CPU, 1 thread; int8; logits 2.1 % from ours',
      'B failed at prefill 512: no end within 180 s',
    ]);
    const [table] = model!.tables;
    expect(table?.columns).toEqual(['what', 'A bamba-web', 'B other 1.0']);
    expect(table?.rows.map(({ cells }) => cells)).toEqual([
      ['weights', '20.0 MB', '20.0 MB'],
      ['load', '500 ms', '500 ms'],
      ['first token, cold', '100 ms', '100 ms'],
      ['both', '600 ms', '600 ms'],
      ['prefill 512, tokens/s', '1,024', '–'],
      ['decode at 16, tokens/s', '500', '500'],
      ['dispatches a token', '64.0', ''],
    ]);
  });
});
