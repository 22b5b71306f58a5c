import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Painter } from './painter.ts';

interface Drawn {
  painter: Painter<string, string>;
  asked: string[];
  drawn: string[];
}

function makePainter(answer: (text: string) => string | Promise<string>): Drawn {
  const asked: string[] = [];
  const drawn: string[] = [];
  const painter = new Painter<string, string>({
    keyOf: (text) => text,
    async ask(text) {
      asked.push(text);
      return answer(text);
    },
    draw: (element, text, made) => drawn.push(`${element.title} ${text} ${made}`),
    kept: 2,
    pauseFactor: 0,
  });
  return { painter, asked, drawn };
}

const element = (title = 'E', isConnected = true): HTMLElement => ({ title, isConnected }) as HTMLElement;

beforeEach(() => {
  vi.stubGlobal('requestAnimationFrame', (callback: () => void) => setTimeout(callback, 0));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('Painter', () => {
  it('asks for the newest first, and draws what comes', async () => {
    const { painter, asked, drawn } = makePainter((text) => text.toUpperCase());
    for (const text of ['a', 'b', 'c']) expect(painter.paint(element(text), text)).toBe(false);
    await vi.waitFor(() => expect(drawn).toHaveLength(3));
    expect(asked).toEqual(['c', 'b', 'a']);
    expect(drawn.toSorted()).toEqual(['a a A', 'b b B', 'c c C']);
  });

  it('does not ask for what has left the page', async () => {
    const { painter, asked } = makePainter((text) => text);
    painter.paint(element('gone', false), 'gone');
    painter.paint(element('there'), 'there');
    await vi.waitFor(() => expect(asked).toEqual(['there']));
  });

  it('draws at once what it knows, keeps what was asked for last, and remembers refusals', async () => {
    const { painter, asked, drawn } = makePainter((text) => (text === 'no' ? 'refused' : text));
    painter.paint(element(), 'a');
    await vi.waitFor(() => expect(drawn).toHaveLength(1));
    painter.paint(element(), 'no');
    await vi.waitFor(() => expect(asked).toEqual(['a', 'no']));
    await Promise.resolve();
    expect(painter.paint(element(), 'no')).toBe(true);
    expect(painter.paint(element(), 'a')).toBe(true);
    expect(drawn).toHaveLength(2);
    painter.paint(element(), 'b');
    await vi.waitFor(() => expect(drawn).toHaveLength(3));
    expect(painter.recent.map(({ request }) => request)).toEqual(['b', 'a']);
  });

  it('does not ask again at once where nobody can answer, and asks again after a while', async () => {
    let there = false;
    const { painter, asked, drawn } = makePainter((text) => (there ? text : 'unavailable'));
    painter.paint(element(), 'a');
    await vi.waitFor(() => expect(asked).toEqual(['a']));
    there = true;
    painter.paint(element(), 'a');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toEqual(['a']);
    const now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now + 60_000);
    painter.paint(element(), 'a');
    await vi.waitFor(() => expect(drawn).toEqual(['E a a']));
    vi.restoreAllMocks();
  });
});
