/**
 * All of the library in one file, for pages without a bundler: it registers `<bamba-chat>`, and exports what `bamba-web`
 * exports. `<script type="module" src="…/standalone.js"></script>`
 *
 * @module
 */

export * from './index.ts';
export { BambaChat } from './element/define.ts';
