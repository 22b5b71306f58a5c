import { ALL } from '../src/testing/extent.ts';

/** Colours that a page is tested in on a device: all where everything is tested, else one a device, so that each is met. */
export function coloursOn(device: 'a desktop' | 'a phone'): readonly ('light' | 'dark')[] {
  if (ALL) return ['light', 'dark'];
  return device === 'a desktop' ? ['light'] : ['dark'];
}
