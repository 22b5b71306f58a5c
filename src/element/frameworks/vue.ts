/**
 * `<bamba-chat>` for Vue 3: registers it as `bamba-web/define` does, and tells TypeScript of it in templates and TSX.
 * Where nothing may be registered, as on a server, `import type {} from 'bamba-web/vue'` brings the types alone.
 *
 * @module
 */

export { BambaChat } from '../define.ts';
import type { EmitFn, HTMLAttributes, PublicProps } from 'vue';
import type { JSX as VueJsx } from 'vue/jsx-runtime';
import type { BambaChat } from '../bamba-chat.ts';
import type { ChatEvents } from '../events.ts';
import type { ChatAttributes, WithChat } from './attributes.ts';

/** `bamba-answer` as Vue's TSX writes it behind `on`, `BambaAnswer`. */
type Pascal<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Capitalize<Head>}${Pascal<Tail>}`
  : Capitalize<Name>;

/** Listeners as Vue's TSX names them. */
type Listeners = {
  [Name in keyof ChatEvents as `on${Pascal<Name>}`]?: ((event: ChatEvents[Name]) => void) | undefined;
};

/** An element as the checkers of templates read it: what it takes is in `$props`, what it fires in `$emit`. */
type VueElement = new () => BambaChat & {
  $props: WithChat<HTMLAttributes, 'on'> & PublicProps;
  $emit: EmitFn<{ [Name in keyof ChatEvents]: (event: ChatEvents[Name]) => void }>;
};

declare module 'vue' {
  interface GlobalComponents {
    'bamba-chat': VueElement;
  }
}

declare module 'vue/jsx-runtime' {
  namespace JSX {
    interface IntrinsicElements {
      'bamba-chat': Omit<HTMLAttributes, keyof ChatAttributes> &
        ChatAttributes &
        Listeners &
        VueJsx.IntrinsicAttributes;
    }
  }
}
