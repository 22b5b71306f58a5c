// The type of components for TypeScript, where no checker of Vue's looks into them.

declare module '*.vue' {
  import type { DefineComponent } from 'vue';

  const component: DefineComponent;
  export default component;
}
