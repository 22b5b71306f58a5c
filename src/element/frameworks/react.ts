/**
 * `<bamba-chat>` for React 19: registers it as `bamba-web/define` does, and tells TypeScript of it in TSX.
 * Where nothing may be registered, as on a server, `import type {} from 'bamba-web/react'` brings the types alone.
 *
 * @module
 */

export { BambaChat } from '../define.ts';
import type { DetailedHTMLProps, HTMLAttributes } from 'react';
import type { BambaChat } from '../bamba-chat.ts';
import type { WithChat } from './attributes.ts';

/** React's attributes of any element. */
type Own = DetailedHTMLProps<HTMLAttributes<BambaChat>, BambaChat>;

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'bamba-chat': WithChat<Own, 'on'>;
    }
  }
}
