// Nothing that is thrown while the page is drawn may leave it empty. A part that cannot be drawn says so in its place.
// Stored settings may be the reason, so the panel offers to reset them; nothing else is lost.

import { LitElement } from 'lit';
import { sentenceOf } from './faults.ts';
import { resetPreferences } from './settings/preferences.ts';

/** An element that shows a panel in its place when drawing it fails. */
export class SafeElement extends LitElement {
  #broken = false;

  /** @internal */
  protected override scheduleUpdate(): void | Promise<unknown> {
    if (this.#broken) return undefined;
    try {
      return super.scheduleUpdate();
    } catch (error) {
      this.#broken = true;
      showLastResort(this.renderRoot, error);
      // For consoles, and for programs that watch them.
      reportError(error);
      return undefined;
    }
  }
}

const WHAT_TO_DO = 'Reload the page. If that does not help, reset the settings: chats and models are kept.';

/** Replaces all that is there by the panel. Made by hand: what draws everything else has just failed. */
function showLastResort(root: HTMLElement | DocumentFragment, error: unknown): void {
  const panel = document.createElement('div');
  panel.className = 'card failure last-resort';
  panel.setAttribute('role', 'alert');
  const title = document.createElement('p');
  title.className = 'card-title';
  title.textContent = 'This part of the page cannot be shown';
  const sentence = document.createElement('p');
  const reason = sentenceOf(error).replace(/\.?$/, '.');
  sentence.textContent = `${reason} ${WHAT_TO_DO}`;
  const actions = document.createElement('div');
  actions.className = 'card-actions';
  actions.append(
    button('button', 'Reload', () => location.reload()),
    button('text-button', 'Reset settings', () => {
      resetPreferences();
      location.reload();
    }),
  );
  panel.append(title, sentence, actions);
  root.replaceChildren(panel);
}

function button(kind: string, label: string, press: () => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.className = kind;
  made.type = 'button';
  made.textContent = label;
  made.addEventListener('click', press);
  return made;
}
