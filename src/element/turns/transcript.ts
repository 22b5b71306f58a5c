// The middle of the chat: its turns, a greeting while there are none, or why there never will be any.

import { html, type TemplateResult } from 'lit';
import type { ChatSession } from '../chat-session.ts';
import type { TurnId } from '../chats/ids.ts';
import { noWebgpuPanel, readSurroundings } from '../models/no-webgpu-panel.ts';
import type { ModelPreset } from '../models/presets.ts';
import { followUps, type Suggestion } from '../suggestions.ts';
import { followingQuestions, welcome } from '../welcome.ts';

/** Options of the transcript. */
export interface TranscriptOptions {
  session: ChatSession;
  /** The model is the page's own. */
  own: boolean;
  /** The name of the model at hand, until the model says its own. */
  name: string;
  preset: ModelPreset | undefined;
  /** For the model at hand. */
  suggestions: readonly Suggestion[];
  ask: (question: string) => void;
  edit: (event: CustomEvent<{ id: TurnId; question: string }>) => void;
  regenerate: () => void;
  /** Goes on with the last answer. */
  proceed: () => void;
  /** Shows another version of a turn. */
  choose: (event: CustomEvent<TurnId>) => void;
  load: () => void;
}

/** Draws the box that scrolls. */
export function transcript(options: TranscriptOptions): TemplateResult {
  return html`<div class="scroller" part="conversation" role="region" aria-label="Conversation" tabindex="0">
    <div class="column">${content(options)}</div>
  </div>`;
}

function content(options: TranscriptOptions): TemplateResult {
  const { session, own, name, preset, ask, edit, regenerate, proceed, choose, load } = options;
  const { busy, completing, info, archive, stranded, turns, unavailable, versions } = session;
  // A question that nobody would answer is not offered.
  const suggestions = stranded || completing ? [] : options.suggestions;
  // Kept chats can be read all the same.
  if (unavailable && turns.length === 0) return noWebgpuPanel(unavailable, readSurroundings(), load);
  if (turns.length === 0) return welcome({ info, name, own, preset, suggestions, ask });
  const done = turns.at(-1)?.status === 'done' && !busy;
  const questions = turns.map(({ question }) => question);
  return html`<bamba-turns
      .turns=${turns}
      .versions=${versions}
      .chat=${archive.current}
      .name=${info?.model.name ?? 'Answer'}
      .plain=${completing}
      ?busy=${busy}
      ?readonly=${unavailable !== undefined}
      @bamba-regenerate=${regenerate}
      @bamba-continue=${proceed}
      @bamba-edit=${edit}
      @bamba-version=${choose}
    ></bamba-turns>
    ${followingQuestions(done ? followUps(suggestions, questions) : [], ask)}`;
}
