import { describe, expect, it } from 'vitest';
import { parseOptions } from './options.ts';
import { sections, textReport } from './report.ts';
import type { BenchResult } from './result.ts';
import { SHAPES } from './shapes.ts';

const result: BenchResult = {
  format: 'bamba-web-bench',
  version: 1,
  date: '2026-01-01T00:00:00.000Z',
  userAgent: 'Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36',
  adapter: { vendor: 'acme', architecture: 'one', device: '', description: '' },
  features: ['subgroups'],
  options: parseOptions(new URLSearchParams('shape=tiny')),
  ceilings: {
    readBytesPerS: 3.07e12,
    copyBytesPerS: 2.8e12,
    f32FlopsPerS: 4.5e13,
    f16FlopsPerS: null,
    int8OpsPerS: 9.9e13,
    dispatchS: 8e-6,
    emptySubmitS: 2e-4,
    matrixBytes: 2 ** 30,
    clock: 'gpu',
  },
  models: [
    {
      name: 'tiny int8',
      scheme: 'int8',
      architecture: SHAPES.tiny,
      gpuBytes: { weights: 9.78e9, state: 1.2e8, activations: 3e6 },
      prepareS: 1.5,
      dispatchesPerToken: 161,
      load: { bytes: 2e9, blocks: 3, seconds: 1, uploadSeconds: 0.8, bytesPerS: 2e9 },
      prefill: [],
      decode: [
        {
          context: 1024,
          secondsPerToken: 0.004,
          awaitedSecondsPerToken: 0.0055,
          runs: [0.004],
          tokensPerS: 250,
          bytes: 9.2e9,
          floorS: 0.003,
          floorRatio: 0.75,
        },
      ],
      batch: [
        {
          context: 1024,
          sequences: 8,
          secondsPerStep: 0.0064,
          runs: [0.0064],
          dispatches: 240,
          bytes: 1.1e9,
          tokensPerS: 1250,
          stepBytes: 1.02e10,
          floorS: 0.0032,
          floorRatio: 0.5,
        },
      ],
      lookup: [
        {
          context: 1024,
          steps: [{ positions: 4, secondsPerStep: 0.006, runs: [0.006], speedUp: 2.5, breakEven: 0.2 }],
          repeating: { without: 0.004, lookup: 0.002 },
          random: { without: 0.004, lookup: 0.004 },
          bytes: 2e7,
        },
      ],
      tuning: null,
      profiles: [],
    },
    { name: 'bamba-9b int8', error: 'The GPU ran out of memory.', partial: {} },
  ],
};

describe('textReport', () => {
  const lines = textReport(sections(result)).split('\n');

  it('says where it was measured, and against which ceilings', () => {
    expect(lines[0]).toBe('acme one · Chrome/156.0.0.0');
    expect(lines[1]).toBe("  no shader-f16, subgroups; kernels timed by the GPU's clock");
    expect(lines).toContainEqual(expect.stringMatching(/^ {4}read \(int8 matvec\) +3\.07 TB\/s$/));
  });

  it('has the figures of a model in columns', () => {
    const head = lines.findIndex((line) => line.includes('tokens/s'));
    expect(lines[head]).toBe('    context  tokens/s  a token  awaited alone    reads    floor  of the floor');
    expect(lines[head + 1]).toBe('       1024       250  4.00 ms        5.50 ms  9.20 GB  3.00 ms          0.75');
    expect(lines).toContain(
      '  2.00 GB (3 blocks) loaded from memory at 2.00 GB/s: on the GPU after 800 ms, ready after 1.00 s',
    );
  });

  it('has those of several sequences at once', () => {
    const head = lines.findIndex((line) => line.includes('sequences'));
    expect(lines[head]).toBe('  Several sequences at once');
    const row = lines.find((line) => /^ +1024 +8 /.test(line));
    expect(row).toMatch(/ 1,?250 +6\.40 ms +240 +1\.10 GB +10\.2 GB +3\.20 ms +0\.50$/);
  });

  it('has those of drafts, and from which acceptance on they pay', () => {
    expect(lines).toContainEqual(expect.stringMatching(/^ +1024 +one token again and again +250 +500 +2\.00$/));
    expect(lines).toContainEqual(expect.stringMatching(/^ +1024 +random tokens +250 +250 +1\.00$/));
    expect(lines).toContainEqual(expect.stringMatching(/^ +1024 +4 +6\.00 ms +1\.60 +2\.50 +0\.20 +20\.0 MB$/));
  });

  it('says why a model has none', () => {
    expect(lines).toContain('bamba-9b int8');
    expect(lines).toContain('  Not measured to the end: The GPU ran out of memory.');
  });
});
