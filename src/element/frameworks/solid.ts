/**
 * `<bamba-chat>` for Solid: registers it as `bamba-web/define` does, and tells TypeScript of it in TSX.
 * Where nothing may be registered, as on a server, `import type {} from 'bamba-web/solid'` brings the types alone.
 *
 * @module
 */

export { BambaChat } from '../define.ts';
import type { JSX as SolidJsx } from 'solid-js';
import type { BambaChat } from '../bamba-chat.ts';
import type { WithChat } from './attributes.ts';

/** Solid's attributes of any element. */
type Own = SolidJsx.HTMLAttributes<BambaChat>;

declare module 'solid-js' {
  namespace JSX {
    interface IntrinsicElements {
      'bamba-chat': WithChat<Own, 'on:'>;
    }
  }
}
