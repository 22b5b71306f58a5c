// The library in a page of its own, for tests that call it as its users do.

import { languageModel } from '../../src/api/prompt-api.ts';
import * as bamba from '../../src/index.ts';

declare global {
  interface Window {
    bamba: typeof bamba;
    languageModel: typeof languageModel;
    /** Stages and sentences that were reported, in order; repeated ones once. */
    reports: string[];
    /** Loads a model and lets it go. */
    load: (options: Pick<bamba.EngineOptions, 'model' | 'endpoint' | 'dtype'>) => void;
    /** How the last loading ends: `ready`, or `code: message`. */
    loading: Promise<string>;
    /** All that were started. */
    workers: Worker[];
  }
}

window.bamba = bamba;
window.languageModel = languageModel;
window.reports = [];

window.load = (options) => {
  const onProgress = ({ stage, message }: bamba.LoadProgress) => {
    const report = message ?? stage;
    if (window.reports.at(-1) !== report) window.reports.push(report);
  };
  window.loading = bamba.createEngine({ ...options, onProgress }).then(
    async (engine) => {
      await engine.dispose();
      return 'ready';
    },
    (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
  );
};

window.workers = [];
window.Worker = class extends Worker {
  constructor(...options: ConstructorParameters<typeof Worker>) {
    super(...options);
    window.workers.push(this);
  }
};
