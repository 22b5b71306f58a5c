/**
 * `<bamba-chat>` for Svelte 5: registers it as `bamba-web/define` does, and tells TypeScript of it in components.
 * Where nothing may be registered, as on a server, `import type {} from 'bamba-web/svelte'` brings the types alone.
 *
 * @module
 */

export { BambaChat } from '../define.ts';
import type { HTMLAttributes } from 'svelte/elements';
import type { BambaChat } from '../bamba-chat.ts';
import type { WithChat } from './attributes.ts';

/** Svelte's attributes of any element. */
type Own = HTMLAttributes<BambaChat>;

declare module 'svelte/elements' {
  interface SvelteHTMLElements {
    'bamba-chat': WithChat<Own, 'on'>;
  }
}
