// The common part of all multi-line inputs.

/** Whether a key means that the text is finished: Enter alone, and not the Enter that accepts an input method's word. */
export function endsTyping(event: KeyboardEvent): boolean {
  if (event.key !== 'Enter' || event.shiftKey || event.altKey) return false;
  // Safari ends the composition first and marks the key 229.
  return !event.isComposing && event.keyCode !== 229;
}

/** Makes an input as high as its text; the style sheet says how high at most. */
export function fitHeight(area: HTMLTextAreaElement): void {
  area.style.height = 'auto';
  area.style.height = `${area.scrollHeight}px`;
}
