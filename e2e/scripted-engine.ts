// An engine that answers from a script: no GPU, no model, every case of loading, answering and failing at will.
//
// The page under test is the one that ships, unchanged. A script that runs before the page's own wraps
// `customElements.define`. So the page registers a subclass of its chat element, whose constructor sets the public property
// `createEngine`.

import type { Page } from '@playwright/test';
import type { EngineInfo, EngineStatus, GenerationRequest, LoadProgress, Usage } from '../src/engine/protocol.ts';

/** How one question is answered. */
export interface ScriptedAnswer {
  /** The pieces in which the text streams. */
  pieces: string[];
  /** Between pieces. */
  delayMs?: number;
  /** Waits before the first piece until the test calls `release`. */
  hold?: boolean;
  /** Waits after so many pieces until the test calls `release`. */
  holdAfter?: number;
  /** Thrown after the pieces. */
  fault?: { code: string; message: string };
  finishReason?: 'stop' | 'length';
  prefill?: { processed: number; total: number };
  /** Counts and speeds that differ from the usual ones. */
  usage?: Partial<Usage>;
}

/** The script of an engine. */
export interface EngineScript {
  /** Reported in order while loading. */
  progress?: LoadProgress[];
  /** Between reports. */
  progressDelayMs?: number;
  /** Loading waits after the last report until the test calls `release`: every time, or from a load on, counted from 0. */
  holdLoad?: boolean | number;
  /** Faults of the first loads, in order; a load without one succeeds. */
  loadFaults?: ({ code: string; message: string } | null)[];
  info?: Partial<EngineInfo>;
  /** Names of models by the option `model`; others have that of `info`. */
  names?: Record<string, string>;
  /** Leaves counts and speeds of answers out: they are nobody's. */
  withoutUsage?: boolean;
  /** By question; `*` answers all others. A list answers one time after the other, its last entry again and again. */
  answers: Record<string, ScriptedAnswer | ScriptedAnswer[]>;
}

/** The values that a test reads and steers in the page. */
export interface EngineProbe {
  requests: GenerationRequest[];
  /** Options of every load, but for its functions. */
  loads: { model: string; dtype?: string; revision?: string }[];
  /** The name of each request's model. */
  answeredBy: string[];
  disposed: number;
  release: () => void;
  /** Tells those who listen what becomes of the engine. */
  tell: (status: EngineStatus) => void;
}

declare global {
  interface Window {
    engineProbe: EngineProbe;
  }
}

/** Cuts a text into words with their spaces, as tokens come. */
export function words(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}

/** Makes the next page that opens chat with the script. Call before `page.goto`. */
export async function scriptEngine(page: Page, script: EngineScript): Promise<void> {
  await page.addInitScript(install, script);
}

/** Lets what is held go on. */
export async function release(page: Page): Promise<void> {
  await page.evaluate(() => window.engineProbe.release());
}

/** Says what becomes of the engine. */
export async function tellStatus(page: Page, status: EngineStatus): Promise<void> {
  await page.evaluate((told) => window.engineProbe.tell(told), status);
}

/** The requests that reached the engine. */
export async function requests(page: Page): Promise<GenerationRequest[]> {
  return page.evaluate(() => window.engineProbe.requests);
}

/** Runs in the page, alone: nothing from this module is in reach. */
function install(script: EngineScript): void {
  const waiting: (() => void)[] = [];
  const listeners = new Set<(status: EngineStatus) => void>();
  const probe: EngineProbe = {
    requests: [],
    loads: [],
    answeredBy: [],
    disposed: 0,
    release: () => waiting.splice(0).forEach((go) => go()),
    tell: (status) => listeners.forEach((listener) => listener(status)),
  };
  window.engineProbe = probe;
  const held = (signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      signal?.addEventListener('abort', () => resolve());
    });
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const fail = ({ code, message }: { code: string; message: string }): never => {
    throw Object.assign(new Error(message), { name: 'BambaError', code });
  };
  const asked = new Map<string, number>();
  const answerTo = (question: string): ScriptedAnswer => {
    const key = question in script.answers ? question : '*';
    const found = script.answers[key] ?? { pieces: ['No answer was scripted.'] };
    if (!Array.isArray(found)) return found;
    const times = asked.get(key) ?? 0;
    asked.set(key, times + 1);
    return found[Math.min(times, found.length - 1)] as ScriptedAnswer;
  };
  const info: EngineInfo = {
    model: {
      name: 'Lexicon',
      parameters: 34_900_000,
      scheme: 'int8',
      bytes: 35_400_000,
      contextLength: 4096,
      hasChatTemplate: true,
    },
    adapter: {
      vendor: 'scripted',
      architecture: 'test',
      description: 'Scripted GPU',
      features: ['subgroups'],
      tuned: false,
    },
    sampling: {
      temperature: 0,
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
    },
    warnings: [],
    ...script.info,
  };
  async function* generate(request: GenerationRequest, options?: { signal?: AbortSignal }): AsyncGenerator {
    probe.requests.push(structuredClone(request));
    const signal = options?.signal;
    const answer = answerTo(
      request.messages?.at(-1)?.content ?? (typeof request.prompt === 'string' ? request.prompt : ''),
    );
    if (answer.prefill) yield { type: 'prefill', ...answer.prefill };
    if (answer.hold) await held(signal);
    let count = 0;
    for (const text of answer.pieces) {
      if (signal?.aborted) break;
      yield { type: 'text', text, ids: [count++] };
      if (answer.holdAfter === count) await held(signal);
      if (answer.delayMs) await pause(answer.delayMs);
    }
    if (answer.fault && !signal?.aborted) fail(answer.fault);
    yield {
      type: 'end',
      finishReason: signal?.aborted ? 'abort' : (answer.finishReason ?? 'stop'),
      usage: script.withoutUsage
        ? undefined
        : {
            promptTokens: 12,
            cachedTokens: 0,
            completionTokens: count,
            timeToFirstTokenS: 0.118,
            prefillTokensPerS: 900,
            decodeTokensPerS: 58.3,
            ...answer.usage,
          },
    };
  }
  const createEngine = async (options: {
    model: string;
    dtype?: string;
    onProgress?: (progress: LoadProgress) => void;
    signal?: AbortSignal;
  }): Promise<unknown> => {
    const fault = script.loadFaults?.[probe.loads.length];
    const { onProgress: _heard, signal: _signal, ...plain } = options;
    probe.loads.push(plain);
    for (const progress of script.progress ?? []) {
      options.onProgress?.(progress);
      await pause(script.progressDelayMs ?? 0);
    }
    const count = probe.loads.length - 1;
    const hold = typeof script.holdLoad === 'number' ? count >= script.holdLoad : script.holdLoad;
    if (hold) await held();
    if (fault) fail(fault);
    const dispose = async (): Promise<void> => {
      probe.disposed++;
    };
    const name = script.names?.[options.model] ?? info.model.name;
    return {
      info: { ...info, model: { ...info.model, name } },
      generate: (request: GenerationRequest, how?: { signal?: AbortSignal }) => {
        probe.answeredBy.push(name);
        return generate(request, how);
      },
      onStatus: (listener: (status: EngineStatus) => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      dispose,
    };
  };
  const define = customElements.define.bind(customElements);
  customElements.define = (name, constructor, options): void => {
    if (name !== 'bamba-chat') {
      define(name, constructor, options);
      return;
    }
    class ScriptedChat extends constructor {
      constructor() {
        super();
        Object.assign(this, { createEngine });
      }
    }
    define(name, ScriptedChat, options);
  };
}
