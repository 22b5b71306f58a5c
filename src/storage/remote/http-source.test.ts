import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../store/clock.ts';
import { HttpSource, type HttpSourceOptions } from './http-source.ts';
import { asksForLength, etagOf, type HubFault, serveHub, TestHub, testClock } from '../../testing/servers/test-hub.ts';

const large = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 2_654_435_761) >>> 24);
const small = large.slice(0, 1000);

let hub: TestHub;
let server: Awaited<ReturnType<typeof serveHub>>;
let clock: ReturnType<typeof testClock>;
let waits: string[];

beforeEach(async () => {
  hub = new TestHub(
    new Map([
      ['large.bin', large],
      ['small.bin', small],
    ]),
  );
  server = await serveHub(hub);
  clock = testClock();
  waits = [];
});
afterEach(() => server.close());

const open = (options: HttpSourceOptions = {}) =>
  new HttpSource((file) => new URL(`plain/${file}`, server.endpoint), {
    clock,
    onWait: (message) => waits.push(message),
    ...options,
  });

/** Reads [begin, end) in pieces, as tensors are read. */
async function readAll(source: HttpSource, begin = 0, end = large.length, step = 700_000): Promise<Uint8Array> {
  const out = new Uint8Array(end - begin);
  for (let at = begin; at < end; at += step) {
    const last = Math.min(end, at + step);
    out.set(await source.read('large.bin', at, last, undefined, end), at - begin);
  }
  return out;
}

/** Answers the first `times` requests for the large file with a status. */
const statusFor =
  (times: number, status: number, headers: Record<string, string> = {}): HubFault =>
  (file, request, response, attempt) => {
    if (file !== 'large.bin' || asksForLength(request) || attempt > times) return false;
    response.writeHead(status, headers).end();
    return true;
  };

describe('HttpSource', () => {
  it('reads a range in pieces from one answer', async () => {
    const source = open();
    expect(await source.size('large.bin')).toBe(3_000_000);
    expect(await source.size('none.bin')).toBeNull();
    expect(Buffer.compare(await readAll(source, 1000, 2_900_001), large.subarray(1000, 2_900_001))).toBe(0);
    expect(hub.requests).toEqual(['large.bin 1000-2900000']);
  });

  it('reads small things from blocks that it keeps', async () => {
    const source = open();
    for (const at of [5000, 100, 100_000, 130_500]) {
      expect(await source.read('large.bin', at, at + 1000)).toEqual(large.slice(at, at + 1000));
    }
    expect(hub.requests).toEqual(['large.bin 0-131071', 'large.bin 131072-262143']);
    expect(await source.read('small.bin', 0, 1000)).toEqual(small);
    await expect(source.read('small.bin', 0, 1001)).rejects.toThrow(/no bytes/);
  });

  it('goes on where a connection broke off, as often as bytes come', async () => {
    let cuts = 0;
    hub.fault = (file, request, response) => {
      const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '');
      if (file !== 'large.bin' || !range || cuts++ >= 12) return false;
      const [begin, end] = [Number(range[1]), Number(range[2]) + 1];
      response.writeHead(206, {
        etag: etagOf(large),
        'content-range': `bytes ${begin}-${end - 1}/${large.length}`,
        'content-length': String(end - begin),
      });
      response.write(large.subarray(begin, begin + 10_000), () => response.destroy());
      return true;
    };
    expect(Buffer.compare(await readAll(open()), large)).toBe(0);
    expect(cuts).toBe(13);
    expect(hub.requests.slice(0, 3)).toEqual([
      'large.bin 0-2999999',
      'large.bin 10000-2999999',
      'large.bin 20000-2999999',
    ]);
    expect(new Set(clock.pauses)).toEqual(new Set([500]));
  });

  it('waits longer each time, and gives up in the end', async () => {
    hub.fault = statusFor(Infinity, 503);
    await expect(readAll(open())).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/status 503/) as string,
    });
    expect(clock.pauses).toEqual([500, 1000, 2000, 4000, 8000]);
    expect(waits[3]).toMatch(/answered with status 503\. Trying again in 4 s\./);
  });

  it.each([
    ['seconds', '7', 7000],
    ['a date', new Date(Date.UTC(2026, 10, 23, 0, 0, 9)).toUTCString(), 9000],
    ['nonsense', 'soon', 500],
  ])('waits as long as Retry-After asks for in %s', async (_, header, pause) => {
    hub.fault = statusFor(1, 429, { 'retry-after': header });
    expect(Buffer.compare(await readAll(open()), large)).toBe(0);
    expect(clock.pauses).toEqual([pause]);
  });

  it('does not wait an hour, and does not ask again what is refused', async () => {
    hub.fault = statusFor(1, 429, { 'retry-after': '3600' });
    await expect(readAll(open())).rejects.toMatchObject({ code: 'network' });
    hub.fault = statusFor(Infinity, 403);
    await expect(readAll(open())).rejects.toMatchObject({ code: 'access_denied' });
    expect(clock.pauses).toEqual([]);
  });

  it('gives up on a server that sends nothing', async () => {
    hub.fault = (file, request) => file === 'large.bin' && !asksForLength(request);
    const impatient = { ...clock, sleep: async (ms: number) => void clock.pauses.push(ms) };
    await expect(readAll(open({ clock: impatient }))).rejects.toMatchObject({ code: 'network' });
    expect(clock.pauses.filter((ms) => ms === 30_000).length).toBeGreaterThanOrEqual(6);
  });

  it('takes what a server without ranges sends, once', async () => {
    hub.fault = (file, request, response) => {
      if (asksForLength(request)) return false;
      const body = file === 'large.bin' ? large : small;
      response.writeHead(200, { etag: etagOf(body) }).end(body);
      return true;
    };
    const source = open();
    const part = await source.read('large.bin', 2_000_000, 2_400_000);
    expect(Buffer.compare(part, large.subarray(2_000_000, 2_400_000))).toBe(0);
    expect(Buffer.compare(await readAll(source, 5), large.subarray(5))).toBe(0);
    expect(hub.requests).toEqual(['large.bin 2000000-2399999']);
  });

  it('refuses to take a large file from a server without ranges', async () => {
    hub.fault = (_, request, response) => {
      const head = asksForLength(request);
      response.writeHead(200, { etag: '"huge"', 'content-length': String(200e6) });
      if (head) response.end();
      else response.write(large, () => response.destroy());
      return true;
    };
    await expect(open().read('large.bin', 1e8, 1.1e8)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/no Range requests.*0\.2 GB/) as string,
    });
  });

  it('refuses a web page in place of a file, and takes one for a file that is not there', async () => {
    const source = open();
    await source.size('large.bin');
    hub.fault = (_, __, response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<!doctype html>');
      return true;
    };
    await expect(readAll(source)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/web page/) as string,
    });
    expect(await open().size('large.bin')).toBeNull();
    expect(clock.pauses).toEqual([]);
  });

  it.each<[string, (files: Map<string, Uint8Array>) => void]>([
    [
      'other bytes',
      (files) =>
        files.set(
          'large.bin',
          large.map((byte) => byte ^ 1),
        ),
    ],
    ['a shorter file', (files) => files.set('large.bin', large.slice(0, 10))],
    ['no file', (files) => files.delete('large.bin')],
  ])('notices %s where a file was', async (_, change) => {
    const source = open();
    await source.read('large.bin', 0, 1000);
    change(hub.files);
    await expect(readAll(source, 600_000)).rejects.toMatchObject({ code: 'checkpoint_changed' });
  });

  it('stops when it is told to, also in a pause', async () => {
    const controller = new AbortController();
    hub.fault = statusFor(Infinity, 503);
    const source = open({
      clock: systemClock,
      onWait: () => controller.abort(),
    });
    await expect(source.read('large.bin', 0, 1_000_000, controller.signal)).rejects.toMatchObject({ code: 'aborted' });
    await expect(open().read('large.bin', 0, 10, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
    expect(hub.requests).toEqual(['large.bin 0-999999']);
  });
});
