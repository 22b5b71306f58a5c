/** The listeners to one kind of news. */
export class Listeners<News> {
  readonly #all = new Set<(news: News) => void>();

  /** @returns ends that */
  add(listener: (news: News) => void): () => void {
    this.#all.add(listener);
    return () => void this.#all.delete(listener);
  }

  tell(news: News): void {
    for (const listener of this.#all) tell(listener, news);
  }
}

/** An error that a listener throws is reported, as from any listener: the work that it hears of goes on. */
export function tell<News>(listener: (news: News) => void, news: News): void {
  try {
    listener(news);
  } catch (error) {
    reportError(error);
  }
}
