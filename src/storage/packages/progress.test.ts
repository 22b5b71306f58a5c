import { expect, it } from 'vitest';
import { type PackageProgress, ProgressMeter } from './progress.ts';

function meterOf(total: number) {
  const clock = { ms: 0 };
  const reports: PackageProgress[] = [];
  const meter = new ProgressMeter(
    total,
    (report) => reports.push(report),
    () => clock.ms,
  );
  return { meter, clock, reports };
}

it('measures speed over the last seconds, not since the beginning', () => {
  const { meter, clock, reports } = meterOf(1_000_000);
  for (let i = 0; i < 100; i++) {
    clock.ms += 200;
    // 1,000 bytes a second for ten seconds, then 5,000.
    meter.add(i < 50 ? 200 : 1000, 'network');
  }
  expect(reports[40]?.bytesPerSecond).toBeCloseTo(1000, 6);
  expect(reports.at(-1)).toEqual({
    loaded: 60_000,
    total: 1_000_000,
    source: 'network',
    bytesPerSecond: 5000,
    secondsLeft: 188,
  });
});

it('knows no speed at first, and reports not too often but always the end', () => {
  const { meter, clock, reports } = meterOf(300);
  meter.add(100, 'storage');
  expect(reports).toEqual([{ loaded: 100, total: 300, source: 'storage', bytesPerSecond: 0, secondsLeft: Infinity }]);
  clock.ms = 50;
  meter.add(100, 'storage');
  expect(reports).toHaveLength(1);
  meter.add(100, 'storage');
  expect(reports).toHaveLength(2);
  expect(reports[1]).toMatchObject({ loaded: 300, secondsLeft: 0 });
});

it('takes back what had to be thrown away', () => {
  const { meter, clock, reports } = meterOf(1000);
  for (const bytes of [500, -500, 250]) {
    clock.ms += 200;
    meter.add(bytes, 'network');
  }
  expect(reports.map(({ loaded }) => loaded)).toEqual([500, 0, 250]);
  expect(reports[1]).toMatchObject({ bytesPerSecond: 0, secondsLeft: Infinity });
});
