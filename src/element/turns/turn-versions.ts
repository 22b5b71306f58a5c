// ‹ 2/3 › under a turn that was asked or answered in several versions.

import { html, nothing, type TemplateResult } from 'lit';
import type { TurnId } from '../chats/ids.ts';
import { formatInteger } from '../format.ts';
import { earlierIcon, laterIcon } from '../icons.ts';

/** Options of the control. */
export interface VersionsOptions {
  /** The turn that is shown. */
  id: TurnId;
  /** All versions of it, the oldest first. */
  versions: readonly TurnId[];
  /** The shown version must stay. */
  disabled: boolean;
  /** Shows another version. */
  choose: (id: TurnId) => void;
}

/** Draws the control; nothing where there is one version only. */
export function versionsControl({ id, versions, disabled, choose }: VersionsOptions): TemplateResult | typeof nothing {
  if (versions.length < 2) return nothing;
  const index = versions.indexOf(id);
  const button = (label: string, to: TurnId | undefined, icon: TemplateResult): TemplateResult =>
    html`<button
      class="icon-button small"
      type="button"
      aria-label=${label}
      title=${label}
      ?disabled=${disabled || to === undefined}
      @click=${() => to !== undefined && choose(to)}
    >
      ${icon}
    </button>`;
  const [position, count] = [formatInteger(index + 1), formatInteger(versions.length)];
  return html`<span class="versions" role="group" aria-label=${`Version ${position} of ${count}`}>
    ${button('Earlier version', versions[index - 1], earlierIcon)}
    <span class="versions-count" aria-hidden="true">${position}/${count}</span>
    ${button('Later version', versions[index + 1], laterIcon)}
  </span>`;
}
