import { adapterName } from '../../engine/loading/adapter-name.ts';
import { bytes, number, type Section, time } from '../report.ts';
import type { Figure, PeersModelResult, PeersResult, RuntimeResult } from './result.ts';

// A comparison as tables: what the page shows and what the command prints.

/** First the adapter, then the models. */
export function peersSections({ adapter, userAgent, features, models, ...result }: PeersResult): Section[] {
  const browser = /(?:Firefox|Chrome|Version)\/[\d.]+/.exec(userAgent)?.[0] ?? userAgent;
  const known = ['shader-f16', 'subgroups'].map((name) => `${features.includes(name) ? '' : 'no '}${name}`);
  const threads = result.crossOriginIsolated
    ? 'threads for runtimes on the CPU'
    : 'no threads: the page is not isolated';
  return [
    {
      title: [adapterName(adapter, userAgent), browser].join(' · '),
      facts: [`${known.join(', ')}; ${threads}`],
      tables: [],
    },
    ...models.map(modelSection),
  ];
}

function modelSection({ name, runtimes }: PeersModelResult): Section {
  const label = (index: number) => String.fromCodePoint(65 + index);
  const facts = runtimes.map(({ name: runtime, format, backend, difference }, index) => {
    const agreement = difference === null ? '' : `; logits ${(100 * difference).toPrecision(2)} % from ours`;
    return `${label(index)}: ${runtime}, ${backend ?? 'not loaded'}; ${format}${agreement}`;
  });
  const rows: [string, (runtime: RuntimeResult) => string][] = [
    ['weights', (runtime) => (runtime.bytes > 0 ? bytes(runtime.bytes) : '')],
    ['load', ({ load }) => figure(load, time)],
    ['first token, cold', ({ firstToken }) => figure(firstToken, time)],
    // Some compile while they load, others when they first run: together these are what a page waits for.
    ['both', ({ load, firstToken }) => figure(sum(load, firstToken), time)],
    ...(runtimes[0]?.prefill ?? []).map(({ tokens }, index): [string, (runtime: RuntimeResult) => string] => [
      `prefill ${tokens}, tokens/s`,
      ({ prefill }) => figure(prefill[index]!.figure, (seconds) => number(tokens / seconds)),
    ]),
    ...(runtimes[0]?.decode ?? []).map(({ context }, index): [string, (runtime: RuntimeResult) => string] => [
      `decode at ${context}, tokens/s`,
      ({ decode }) => figure(decode[index]!.figure, (seconds) => number(1 / seconds)),
    ]),
    ['dispatches a token', ({ dispatchesPerToken }) => (dispatchesPerToken === null ? '' : number(dispatchesPerToken))],
  ];
  const table = {
    title: `${name}, the same weights in each`,
    columns: ['what', ...runtimes.map(({ name: runtime }, index) => `${label(index)} ${runtime.split(' (')[0]}`)],
    rows: rows.map(([what, cell]) => ({ cells: [what, ...runtimes.map(cell)], ratio: null })),
  };
  return { title: name, facts: [...facts, ...faults(runtimes, label)], tables: [table] };
}

function figure(value: Figure, text: (seconds: number) => string): string {
  return 'error' in value ? '–' : text(value.seconds);
}

/** One step, then the other. */
function sum(first: Figure, second: Figure): Figure {
  if ('error' in first) return first;
  if ('error' in second) return second;
  const seconds = first.seconds + second.seconds;
  return { seconds, runs: [seconds] };
}

/** Why there are figures missing. */
function faults(runtimes: readonly RuntimeResult[], label: (index: number) => string): string[] {
  return runtimes.flatMap((runtime, index) => {
    const { load, firstToken, prefill, decode } = runtime;
    const steps: [string, Figure][] = [
      ['load', load],
      ['first token', firstToken],
      ...decode.map(({ context, figure: one }): [string, Figure] => [`decode at ${context}`, one]),
      ...prefill.map(({ tokens, figure: one }): [string, Figure] => [`prefill ${tokens}`, one]),
    ];
    const [what, fault] = steps.find(([, one]) => 'error' in one) ?? [];
    return fault && 'error' in fault ? [`${label(index)} failed at ${what}: ${fault.error}`] : [];
  });
}
