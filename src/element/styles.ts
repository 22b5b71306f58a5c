// All styles of the chat, in the order in which they override each other.

import type { CSSResultGroup } from 'lit';
import { answerStyles } from './styles/answer.ts';
import { contentStyles } from './styles/content.ts';
import { controlStyles } from './styles/controls.ts';
import { frameStyles } from './styles/frame.ts';
import { historyStyles } from './styles/history.ts';
import { modelStyles } from './styles/models.ts';
import { panelStyles } from './styles/panels.ts';
import { settingsStyles } from './styles/settings.ts';
import { themeStyles } from './styles/theme.ts';

/** Style sheets of `<bamba-chat>`. */
export const styles: CSSResultGroup = [
  themeStyles,
  frameStyles,
  controlStyles,
  answerStyles,
  contentStyles,
  panelStyles,
  settingsStyles,
  historyStyles,
  modelStyles,
];
