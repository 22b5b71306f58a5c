// Progress of loading in the two forms that pages have listeners for already.

import type { LoadProgress } from '../engine/protocol.ts';

/** As WebLLM reports it. */
export interface WebLlmProgress {
  /** From 0 to 1, weights and compiling together. */
  progress: number;
  /** Seconds since loading began. */
  timeElapsed: number;
  /** A sentence for people. */
  text: string;
}

/** As transformers.js reports it, with the stage of loading for the file. */
export type TransformersProgress =
  /** A stage begins, or is over. */
  | { status: 'initiate' | 'download' | 'done'; name: string; file: string }
  /** How far it is, `progress` in per cent. */
  | { status: 'progress'; name: string; file: string; loaded: number; total: number; progress: number }
  /** The model can answer. */
  | { status: 'ready'; task: string; model: string };

const TEXTS: Record<LoadProgress['stage'], string> = {
  manifest: 'Looking at the model',
  waiting: 'Waiting for the download in another tab',
  weights: 'Loading the weights',
  compile: 'Preparing the GPU',
  ready: 'Ready',
};

/**
 * A listener of WebLLM's `initProgressCallback` as `onProgress`:
 * `createEngine({ model, onProgress: webLlmProgress(({ text }) => show(text)) })`.
 * @param listener hears every report
 * @returns what goes in as `onProgress`
 */
export function webLlmProgress(listener: (report: WebLlmProgress) => void): (progress: LoadProgress) => void {
  const started = performance.now();
  return ({ stage, loaded, total, progress, message }) => {
    const share = total > 0 ? loaded / total : 0;
    const percent = stage === 'ready' || total === 0 ? '' : ` (${Math.floor(100 * share)} %)`;
    listener({
      progress,
      timeElapsed: (performance.now() - started) / 1000,
      text: message ?? `${TEXTS[stage]}${percent}`,
    });
  };
}

/**
 * A listener of transformers.js's `progress_callback` as `onProgress`; `pipeline` does it by itself.
 * @param model what reports call the model
 * @param listener hears every report
 * @returns what goes in as `onProgress`
 */
export function transformersProgress(
  model: string,
  listener: (report: TransformersProgress) => void,
): (progress: LoadProgress) => void {
  let current: LoadProgress['stage'] | null = null;
  const done = () => {
    if (current) listener({ status: 'done', name: model, file: current });
  };
  return ({ stage, loaded, total }) => {
    if (stage !== current) {
      done();
      current = stage === 'ready' ? null : stage;
      if (current) {
        listener({ status: 'initiate', name: model, file: current });
        listener({ status: 'download', name: model, file: current });
      }
    }
    if (stage === 'ready') listener({ status: 'ready', task: 'text-generation', model });
    else {
      const progress = total > 0 ? (100 * loaded) / total : 0;
      listener({ status: 'progress', name: model, file: stage, loaded, total, progress });
    }
  };
}
