// How custom-elements.json is made: of `<bamba-chat>` alone, and of what a page may use of it.

/** Leaves out what is private or the element's own business, and folds the base class into the element. */
const publicOnly = {
  name: 'public-only',
  /** @param {{ customElementsManifest: { modules: any[] } }} phase */
  packageLinkPhase({ customElementsManifest }) {
    const own = (/** @type {any} */ one) => one.privacy !== 'private' && one.privacy !== 'protected';
    for (const module of customElementsManifest.modules) {
      module.declarations = module.declarations.filter((/** @type {any} */ one) => one.tagName === 'bamba-chat');
      module.exports = module.exports.filter((/** @type {any} */ one) => one.declaration.name === 'BambaChat');
      for (const element of module.declarations) {
        element.members = element.members.filter(own);
        for (const part of [...element.members, ...element.attributes]) delete part.inheritedFrom;
        element.superclass = { name: 'LitElement', package: 'lit' };
      }
    }
    customElementsManifest.modules = customElementsManifest.modules.filter(
      (/** @type {any} */ { declarations }) => declarations.length > 0,
    );
  },
};

export default {
  globs: ['src/element/bamba-chat.ts', 'src/element/chat-options.ts'],
  litelement: true,
  outdir: '.',
  // package.json names the file already.
  packagejson: false,
  plugins: [publicOnly],
};
