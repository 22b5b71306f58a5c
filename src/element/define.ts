/**
 * Registers `<bamba-chat>`, and what it is made of. Importing it is all there is to do:
 * `import 'bamba-web/define';`
 *
 * @module
 */

import { BambaAttachments } from './composer/attachments-view.ts';
import { BambaChat } from './bamba-chat.ts';
import { BambaComposer } from './composer/composer.ts';
import { BambaHistory } from './history/history-view.ts';
import { BambaModels } from './models/models-dialog.ts';
import { BambaNamedSettings } from './settings/named-settings-view.ts';
import { BambaSettings } from './settings/settings-dialog.ts';
import { BambaTurns } from './turns/turn-list.ts';
import { BambaTurn } from './turns/turn-view.ts';

const ELEMENTS: readonly (readonly [tag: string, element: CustomElementConstructor])[] = [
  ['bamba-attachments', BambaAttachments],
  ['bamba-turn', BambaTurn],
  ['bamba-turns', BambaTurns],
  ['bamba-composer', BambaComposer],
  ['bamba-history', BambaHistory],
  ['bamba-models', BambaModels],
  ['bamba-named-settings', BambaNamedSettings],
  ['bamba-settings', BambaSettings],
  ['bamba-chat', BambaChat],
];

// A page may have loaded the library twice, from two bundles: the first one stays.
for (const [tag, element] of ELEMENTS) if (!customElements.get(tag)) customElements.define(tag, element);

export { BambaChat };

declare global {
  interface HTMLElementTagNameMap {
    'bamba-attachments': BambaAttachments;
    'bamba-chat': BambaChat;
    'bamba-composer': BambaComposer;
    'bamba-history': BambaHistory;
    'bamba-models': BambaModels;
    'bamba-named-settings': BambaNamedSettings;
    'bamba-settings': BambaSettings;
    'bamba-turn': BambaTurn;
    'bamba-turns': BambaTurns;
  }
}
