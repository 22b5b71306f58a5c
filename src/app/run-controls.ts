// The controls of a page that runs something long: the form, what it says, how far it is, and its buttons.

export const form = document.querySelector('form')!;
export const status = document.querySelector<HTMLElement>('#status')!;
export const output = document.querySelector<HTMLElement>('#result')!;
export const bar = document.querySelector<HTMLProgressElement>('#progress')!;
export const stopButton = document.querySelector<HTMLButtonElement>('#stop')!;
const runButton = document.querySelector<HTMLButtonElement>('#run')!;

/** Shows whether something runs. The focus stays on a button that can be pressed. */
export function setRunning(runs: boolean): void {
  bar.hidden = !runs;
  bar.value = 0;
  stopButton.hidden = !runs;
  runButton.disabled = runs;
  if (runs) stopButton.focus();
  else if (document.activeElement === document.body) runButton.focus();
}
