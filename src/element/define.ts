// Registers the elements. Importing this module is the only side effect of the folder.

import { BambaChat } from './bamba-chat.ts';
import { BambaComposer } from './composer.ts';
import { BambaSettings } from './settings-dialog.ts';
import { BambaTurn } from './turn-view.ts';

customElements.define('bamba-turn', BambaTurn);
customElements.define('bamba-composer', BambaComposer);
customElements.define('bamba-settings', BambaSettings);
customElements.define('bamba-chat', BambaChat);

export { BambaChat };

declare global {
  interface HTMLElementTagNameMap {
    'bamba-chat': BambaChat;
    'bamba-composer': BambaComposer;
    'bamba-settings': BambaSettings;
    'bamba-turn': BambaTurn;
  }
}
