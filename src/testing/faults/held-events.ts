// Events that arrive when a test says so.

type Listener = (event: Event) => void;

/**
 * Holds the events of some types back from whoever listens to one object. Only listeners are held: what the object does
 * is done.
 */
export class HeldEvents {
  readonly #target: EventTarget;
  readonly #add: EventTarget['addEventListener'];
  #listeners: { type: string; listener: Listener }[] = [];
  #open = false;

  /** @param types names of the events that are held; all others come as ever */
  constructor(target: EventTarget, types: readonly string[]) {
    this.#target = target;
    this.#add = target.addEventListener.bind(target);
    const remove = target.removeEventListener.bind(target);
    Object.assign(target, {
      addEventListener: (type: string, listener: Listener, options?: AddEventListenerOptions) => {
        if (this.#open || !types.includes(type)) this.#add(type, listener, options);
        else this.#listeners.push({ type, listener });
      },
      removeEventListener: (type: string, listener: Listener, options?: EventListenerOptions) => {
        const before = this.#listeners.length;
        this.#listeners = this.#listeners.filter((each) => each.type !== type || each.listener !== listener);
        if (this.#listeners.length === before) remove(type, listener, options);
      },
    });
  }

  /** Listens to the object itself. */
  hear(type: string, listener: Listener): void {
    this.#add(type, listener);
  }

  /** Gives an event to those who listen, and lets all later ones through. */
  deliver(event: Event): void {
    this.#open = true;
    for (const { type, listener } of this.#listeners) if (type === event.type) listener.call(this.#target, event);
    for (const { type, listener } of this.#listeners.splice(0)) this.#add(type, listener);
  }
}
