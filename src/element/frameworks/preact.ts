/**
 * `<bamba-chat>` for Preact: registers it as `bamba-web/define` does, and tells TypeScript of it in TSX.
 * Where nothing may be registered, as on a server, `import type {} from 'bamba-web/preact'` brings the types alone.
 *
 * @module
 */

export { BambaChat } from '../define.ts';
import type { HTMLAttributes } from 'preact';
import type { BambaChat } from '../bamba-chat.ts';
import type { WithChat } from './attributes.ts';

/** Preact's attributes of any element. */
type Own = HTMLAttributes<BambaChat>;

declare module 'preact' {
  namespace JSX {
    interface IntrinsicElements {
      'bamba-chat': WithChat<Own, 'on'>;
    }
  }
}
