// The library in a page of its own, for tests that call it as its users do.

import * as bamba from '../../src/index.ts';

declare global {
  interface Window {
    bamba: typeof bamba;
    /** Stages and sentences that were reported, in order; repeated ones once. */
    reports: string[];
  }
}

window.bamba = bamba;
window.reports = [];
