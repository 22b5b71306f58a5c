// Everything below the conversation: how loading goes, what went wrong, the input, a line of facts.

import { html, nothing, type TemplateResult } from 'lit';
import type { ChatSession } from '../chat-session.ts';
import { keepingNotice } from '../history/history-notice.ts';
import { downIcon } from '../icons.ts';
import { loadFailurePanel, loadingPanel, loadOfferPanel, type LoadActions } from '../models/loading-panel.ts';
import type { ModelOrder } from '../models/model-switch.ts';
import type { StatisticsSwitch } from '../turns/statistics.ts';
import { statusLine } from '../status-line.ts';
import { noticeBar, troubleBar, type TroubleActions } from '../trouble-bar.ts';

/** Options of the dock. */
export interface DockOptions {
  session: ChatSession;
  /** The page's own words in the empty input. */
  placeholder: string;
  /** There is a model to offer. */
  hasModel: boolean;
  /** The end of the conversation is in sight. */
  atEnd: boolean;
  statistics: StatisticsSwitch;
  /** The name of a model. */
  nameOf: (order: ModelOrder) => string;
  loading: LoadActions;
  jump: () => void;
  ask: (question: string) => void;
  stop: () => void;
  typing: (text: string) => void;
  remedies: TroubleActions;
}

/** Draws the dock. */
export function dock(options: DockOptions): TemplateResult {
  const { session, atEnd, statistics, jump, ask, stop, typing, remedies } = options;
  const { busy, completing, info, stranded, trouble, turns } = session;
  const name = info?.model.name;
  const placeholder = completing ? 'Text to continue' : name ? `Ask ${name}` : 'Ask a question';
  return html`<div class="dock" part="dock">
    <div class="dock-column">
      ${atEnd ? nothing : html`<button class="jump" type="button" @click=${jump}>${downIcon} Jump to latest</button>`}
      <slot name="notice"></slot>
      ${modelPanels(options)} ${keepingNotice(session.archive)}
      ${session.notice === undefined ? nothing : noticeBar(session.notice, () => session.dismissNotice())}
      ${trouble ? troubleBar(trouble.fault, remedies) : nothing}
      <bamba-composer
        placeholder=${options.placeholder || placeholder}
        label=${completing ? 'Your text' : 'Your question'}
        ?busy=${busy}
        ?disabled=${stranded}
        @bamba-send=${(event: CustomEvent<string>) => ask(event.detail)}
        @bamba-typing=${(event: CustomEvent<string>) => typing(event.detail)}
        @bamba-stop=${stop}
      ></bamba-composer>
      ${statusLine({
        name: name ?? '',
        recovery: session.recovery,
        measured: turns.some(({ usage }) => usage !== undefined),
        statistics,
      })}
    </div>
  </div>`;
}

/** How loading goes, and what could not be loaded: both where one model comes back after another has failed. */
function modelPanels({ session, hasModel, nameOf, loading: actions }: DockOptions): unknown[] {
  const { failure, idle, loading } = session.models;
  const running = session.info?.model.name;
  return [
    failure ? loadFailurePanel({ failure, name: nameOf(failure.order), running, actions }) : nothing,
    loading ? loadingPanel({ loading, name: nameOf(loading.order), running, cancel: actions.cancel }) : nothing,
    idle && hasModel ? loadOfferPanel(actions) : nothing,
  ];
}
