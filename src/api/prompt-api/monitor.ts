import type { DownloadProgressEvent, LanguageModelCreateMonitor, LanguageModelCreateOptions } from './types.ts';

class ProgressEventOf extends Event implements DownloadProgressEvent {
  readonly loaded: number;
  readonly total = 1;
  readonly lengthComputable = true;

  constructor(loaded: number) {
    super('downloadprogress');
    this.loaded = loaded;
  }
}

/** Tells the page how far the making of a session is: 0 first, 1 when the model is there, and never back. */
export class Monitor extends EventTarget {
  ondownloadprogress: ((event: DownloadProgressEvent) => void) | null = null;
  #told = -1;

  /** @throws what the page's own function throws */
  constructor(monitor: LanguageModelCreateOptions['monitor']) {
    super();
    this.addEventListener('downloadprogress', (event) => this.ondownloadprogress?.(event as DownloadProgressEvent));
    // Of events by this name there are only such ones.
    monitor?.(this as unknown as LanguageModelCreateMonitor);
  }

  tell(loaded: number): void {
    if (loaded <= this.#told) return;
    this.#told = loaded;
    this.dispatchEvent(new ProgressEventOf(loaded));
  }
}
