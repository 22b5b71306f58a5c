import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixtureFolder } from '../testing/models/fixtures.ts';
import { BUNDLED_GOLDEN } from '../testing/models/golden.ts';
import { shapeModel } from '../bench/plan/request.ts';
import { keepPrinted } from '../testing/printed.ts';
import { main } from './plan.ts';

const lexicon = resolve(import.meta.dirname, '../../public/models/lexicon');

const output = keepPrinted();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bamba-web-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** What the command prints as JSON. */
async function planOf(...args: string[]) {
  output.length = 0;
  expect(await main([...args, '--json'])).toBe(0);
  return JSON.parse(output.join('\n')) as {
    name: string;
    settings: { rates: Record<string, number> };
    cost: {
      parameters: number;
      memory: Record<'weights' | 'state' | 'keysAndValues' | 'total', number>;
      decode: { tokensPerS: number; bottleneck: string };
    };
    charts?: { id: string }[];
  };
}

describe('plan', () => {
  it('tells memory, work, time and the bottleneck of a shape', async () => {
    expect(await main(['bamba-9b', '--context', '1024'])).toBe(0);
    const text = output.join('\n');
    for (const part of [
      /^Bamba-9B: 1,024 tokens\n {2}9\.78 billion parameters; weights of int8, keys and values of f32/,
      /3,000 GB\/s read, 45\.6 TFLOP\/s in f32, [\d.]+ µs to start a kernel/,
      /weights +9\.79 GB/,
      /states that do not grow +126 MB/,
      /keys and values +25\.2 MB/,
      /kernels +[\d,]+ +164\n/,
      /most of it +arithmetic +reading weights/,
      /operations of a token of each .* 1\.0\d|0\.9\d/,
    ]) {
      expect(text).toMatch(part);
    }
  });

  it('takes packages, checkpoints and a config.json alike', async () => {
    const [ofFolder, ofConfig] = [await planOf(BUNDLED_GOLDEN), await planOf(join(BUNDLED_GOLDEN, 'config.json'))];
    expect(ofConfig.cost).toEqual(ofFolder.cost);
    const [ofPackage, ofShape] = [await planOf(lexicon), await planOf('lexicon')];
    expect(ofPackage.cost.parameters).toBe(ofShape.cost.parameters);
    // What has no approximation goes without.
    expect(await main([join(fixtureFolder('jamba'), 'config.json')])).toBe(0);
    expect(output.join('\n')).not.toContain('approximated');
  });

  it('counts weights once and states for each sequence of a batch', async () => {
    const [one, many] = [await planOf('bamba-9b'), await planOf('bamba-9b', '--batch', '16', '--scheme', 'int4')];
    expect(many.cost.memory.state).toBe(16 * one.cost.memory.state);
    expect(many.cost.memory.keysAndValues).toBe(16 * one.cost.memory.keysAndValues);
    expect(many.cost.memory.weights).toBeLessThan(0.65 * one.cost.memory.weights);
    expect(many.cost.decode.tokensPerS).toBeGreaterThan(5 * one.cost.decode.tokensPerS);
  });

  it('takes rates from a result of the benchmark, and from options before it', async () => {
    const file = join(folder, 'bench.json');
    await writeFile(file, JSON.stringify({ ceilings: { readBytesPerS: 1e11, f32FlopsPerS: 1e12, dispatchS: 1e-5 } }));
    const { settings } = await planOf('lexicon', '--bench', file, '--flops', '2.5');
    expect(settings.rates['readBytesPerS']).toBeCloseTo(1e11);
    expect(settings.rates['flopsPerS']).toBe(2.5e12);
    expect(settings.rates['startS']).toBeGreaterThan(1e-5);
    // Of a model that was measured: its token, less what reading it takes, is all starting.
    const tiny = shapeModel('tiny');
    const model = {
      architecture: tiny.architecture,
      scheme: 'int8',
      gpuBytes: { weights: 1000 },
      decode: [{ context: 16, secondsPerToken: 1e-3 }],
    };
    const larger = { ...model, gpuBytes: { weights: 2000 }, decode: [{ context: 16, secondsPerToken: 1 }] };
    const ceilings = { readBytesPerS: 1e11, f32FlopsPerS: 1e12, dispatchS: 1e-5 };
    await writeFile(file, JSON.stringify({ ceilings, models: [{ name: 'x', error: 'y' }, larger, model] }));
    const measured = await planOf('tiny', '--bench', file, '--context', '16');
    expect(measured.cost.decode.tokensPerS).toBeCloseTo(1000, 6);
    const { cost } = await planOf('bamba-9b', '--read', '10');
    expect(cost.decode.bottleneck).toBe('weights');
  });

  it('compares over contexts and batches where that is asked for', async () => {
    const { charts } = await planOf('lexicon', '--curves');
    expect(charts?.map(({ id }) => id)).toEqual(['compute', 'memory', 'decode', 'prefill']);
    expect(await main(['lexicon', '--curves'])).toBe(0);
    expect(output.join('\n')).toMatch(/tokens +batch 1 +batch 1, approximated .*\n +1K /);
  });

  it.each([
    [['gpt-5x'], 1, /gpt-5x/],
    [['bamba-9b', '--context', '0'], 1, /cannot take context 0\. Possible: a whole number from 1 to 16,777,216\./],
    [['bamba-9b', '--context', '1e30'], 1, /context 1e30/],
    [['bamba-9b', '--batch', 'NaN'], 1, /cannot take batch NaN/],
    [['bamba-9b', '--batch', ''], 1, /--batch is given without a value/],
    [['bamba-9b', '--scheme', 'int3'], 1, /scheme int3\. Possible: .*int4/],
    [['bamba-9b', '--cache', 'f64'], 1, /cache f64/],
    [['bamba-9b', '--read=-1'], 1, /read -1\. Possible: a number above 0/],
    [['bamba-9b', '--bench', '/no/such.json'], 1, /There is no file \/no\/such\.json/],
    [['/no/such/config.json'], 1, /There is no file/],
    [[], 2, /^One model is needed/],
    [['bamba-9b', 'lexicon'], 2, /^One model is needed/],
    [['bamba-9b', '--contxt', '1'], 2, /contxt/],
  ])('says what is wrong with %j', async (args, code, sentence) => {
    expect(await main(args)).toBe(code);
    expect(output.join('\n')).toMatch(sentence);
  });

  it('refuses a result without ceilings', async () => {
    const file = join(folder, 'bench.json');
    await writeFile(file, '{"ceilings":{"readBytesPerS":0}}');
    expect(await main(['lexicon', '--bench', file])).toBe(1);
    expect(output.join('\n')).toMatch(/no result of npm run bench -- --json: ceilings\.readBytesPerS is not sound/);
  });
});
